import { basename } from "node:path";
import type { LoadedUnit } from "../../adapters/manager.ts";
import { AGENT_TEMPLATE, HOLDER_UNIT } from "../../core/names.ts";
import { tilde } from "../../core/paths.ts";
import type { Check } from "../check.ts";
import type { Tools } from "../tools.ts";
import { namedBySystemd, type UnitFiles } from "../unit-files.ts";

export const unitsReload: Check = {
  id: "units.reload",
  title: "the manager has read the units as they are on disk",
  explain: {
    checks:
      "Whether a unit or a drop-in of the holder, the template or a loaded agent was written since the user manager read it. Also drop-ins in folders that the manager has never seen, of which systemd itself says nothing.",
    why: "systemd goes by what it has read: until it reads again, your change does nothing. It then comes into force with the next reload, whoever causes it.",
    mend: "systemctl --user daemon-reload. It ends nothing; settings of a start, such as ExecStart=, count from the next start on.",
  },
  requires: ["units.loaded"],
  async run(tools) {
    const { host } = tools;
    const [holder, template, files] = await Promise.all([tools.holder(), tools.template(), tools.unitFiles()]);
    const stale = new Set<string>();
    const unread = new Set<string>();
    const { manager, readAt, units } = await suspects(tools, files);
    const compare = async (id: string, onDisk: string, unit: { dropIns: readonly string[]; needsReload: boolean }) => {
      const there = files.dropIns(onDisk);
      const fresh: string[] = [];
      for (const path of there)
        if (!unit.dropIns.includes(path) && !unit.dropIns.includes(await namedBySystemd(host, path))) fresh.push(path);
      for (const path of fresh) unread.add(path);
      // set-property puts its drop-in behind those that are there; where it sorts before one systemd says so from then on.
      const names = there.map((path) => basename(path)).join("\n");
      const appended = fresh.length === 0 && names !== unit.dropIns.map((path) => basename(path)).join("\n");
      const said =
        unit.needsReload &&
        (!(appended || (await files.hasOdd(onDisk))) || (await files.writtenAt(onDisk, appended)) > readAt);
      if (said || fresh.length > 0) stale.add(id);
    };
    // Of a unit that is not loaded systemd always says that it needs a reload: units.loaded has told of it.
    if (holder.load === "loaded") await compare(HOLDER_UNIT, HOLDER_UNIT, holder);
    if (template.load === "loaded") await compare(AGENT_TEMPLATE, template.id, template);
    await Promise.all(units.map(async (unit) => compare(unit.unit, unit.unit, await manager.readFrom(unit))));
    if (stale.size === 0) return { status: "pass" };
    const [first, ...others] = stale;
    return {
      status: "fail",
      message: `${first}${others.length === 0 ? "" : ` and ${others.length} more`} changed on disk since the manager read ${others.length === 0 ? "it" : "them"}: the change does nothing yet`,
      evidence: {
        units: [...stale],
        ...(unread.size > 0 ? { "never read": [...unread].map((path) => tilde(path, host.user.home)) } : {}),
      },
      fix: { actions: [{ kind: "daemon-reload" }] },
    };
  },
};

/**
 * Loaded agents of whose files one was written since the manager last began to read: of the others nothing needs be asked.
 * The clock of files runs behind by a tick of the kernel's; but the manager first runs its generators, which takes longer,
 * and then reads the units.
 */
async function suspects(tools: Tools, files: UnitFiles) {
  const found = await tools.userManager();
  if (!("manager" in found)) throw new Error(found.problem.cause);
  const [{ readAt = 0 }, loaded] = await Promise.all([tools.managerState(), tools.agentUnits()]);
  const written = async (unit: string) => (await files.writtenAt(unit)) >= readAt;
  // What has nothing of its own is made of the same files as all that have nothing.
  const allWritten = await written(AGENT_TEMPLATE);
  const units: LoadedUnit[] = [];
  for (const unit of loaded)
    if (unit.load === "loaded" && (files.hasOwn(unit.unit) ? await written(unit.unit) : allWritten)) units.push(unit);
  return { manager: found.manager, readAt, units };
}
