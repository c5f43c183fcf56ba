import { dirname, join } from "node:path";
import { samePlace } from "../../adapters/looks.ts";
import { loadErrorOf, type Unit } from "../../adapters/systemd.ts";
import { AGENT_TEMPLATE, HOLDER_UNIT } from "../../core/names.ts";
import { tilde } from "../../core/paths.ts";
import { moveAside, shellPath } from "../../core/shell.ts";
import { type Check, type Fix, ofSubjects, type SubjectResult } from "../check.ts";
import { otherConfig } from "../config-home.ts";
import { thenReload } from "../root-reload.ts";
import type { Tools } from "../tools.ts";

const RELOAD = "systemctl --user daemon-reload";

export const unitsLoaded: Check = {
  id: "units.loaded",
  title: "systemd has loaded the units from where mosaic-fleet put them",
  explain: {
    checks:
      "What the user manager says of the holder's unit and the agents' template: whether they are loaded, masked or refused, and from which folder; and whether a single agent is masked. The folders that it reads, first match first, are in systemctl --user show -p UnitPath.",
    why: "A unit of the same name in a folder that systemd reads earlier wins, and ours is not used at all. A unit that is masked, refused or unknown does not start, and then no agent does.",
    mend: "Move the unit that is in the way aside, or take the line out that systemd refuses, then run systemctl --user daemon-reload. systemctl --user status UNIT says why a unit is refused.",
  },
  requires: ["systemd.user-manager"],
  async run(tools) {
    const other = await otherConfig(tools);
    if (other !== undefined) return { status: "fail", ...other };
    const [holder, template] = await Promise.all([tools.holder(), tools.template()]);
    const subjects = [
      await subjectOf(tools, HOLDER_UNIT, holder),
      await subjectOf(tools, AGENT_TEMPLATE, template),
      ...(await maskedAgents(tools)),
    ];
    return ofSubjects(subjects, {
      many: "units",
      healthy: "loaded",
      failing: "systemd does not use them as they are installed",
    });
  },
};

async function subjectOf(tools: Tools, subject: string, unit: Unit): Promise<SubjectResult> {
  const { paths, host } = tools;
  const fail = (message: string, fix: Fix): SubjectResult => {
    const evidence = { load: unit.load, fragment: unit.fragment, "drop-ins": unit.dropIns };
    return { subject, status: "fail", message, evidence, fix };
  };
  const aside = (path: string, command: string) => reloaded(tools, path, command);
  switch (unit.load) {
    case "loaded":
      break;
    case "masked":
      return fail(
        `it is masked by ${tilde(unit.fragment, host.user.home)}: it cannot be started`,
        await aside(unit.fragment, `rm ${shellPath(unit.fragment, host.user.home)}`),
      );
    case "not-found": {
      const path = join(paths.units, subject);
      if ((await host.files.status(path)) === undefined)
        return fail("it is not installed", { actions: [{ kind: "install" }] });
      if (await host.files.allows(path, "read"))
        return fail("systemd has not read it since it was installed", { actions: [{ kind: "daemon-reload" }] });
      return fail("systemd cannot read it, and this user neither: layout.files says what mends that; then:", {
        commands: [RELOAD],
      });
    }
    case "error":
      return fail(`systemd could not load it: ${loadErrorOf(unit)}`, { actions: [{ kind: "daemon-reload" }] });
    default:
      return fail(`systemd refuses it (${unit.load}): ${loadErrorOf(unit)}`, {
        commands: [`systemctl --user cat ${subject}`, `systemctl --user edit ${subject}`, RELOAD],
      });
  }
  // The folders: two files may be one by a hard link.
  if (unit.fragment === "" || !(await samePlace(dirname(unit.fragment), paths.units)))
    return fail(
      `systemd takes it from ${tilde(unit.fragment, host.user.home)}, not from ${tilde(join(paths.units, subject), host.user.home)}, which is not used`,
      await aside(unit.fragment, moveAside(unit.fragment, "other")),
    );
  return { subject, status: "pass", message: "loaded" };
}

/** Agents that are masked alone, by a link to /dev/null. */
async function maskedAgents(tools: Tools): Promise<SubjectResult[]> {
  const { home } = tools.host.user;
  const { masks } = await tools.unitLinks();
  return Promise.all(
    [...masks].sort().map(async ([name, path]) => ({
      subject: name,
      status: "warn",
      message: `it is masked by ${tilde(path, home)}: it does not start, at boot or by hand`,
      fix: await reloaded(tools, path, `rm ${shellPath(path, home)}`),
    })),
  );
}

/** A command that changes a file of a unit, and has systemd read it anew. */
async function reloaded({ host }: Tools, path: string, command: string): Promise<Fix> {
  return (await host.files.allows(dirname(path), "write"))
    ? { commands: [command, RELOAD] }
    : { root: thenReload(host, [command]) };
}
