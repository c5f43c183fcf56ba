import { basename, dirname } from "node:path";
import { type Writers, writersOf } from "../../adapters/permissions.ts";
import { describeError } from "../../core/errors.ts";
import type { FileStatus, Host } from "../../core/host.ts";
import { agentUnit, isOurDropIn } from "../../core/names.ts";
import { tilde } from "../../core/paths.ts";
import { moveAside, shellPath, shellWord } from "../../core/shell.ts";
import { type Check, type Evidence, ofSubjects, type SubjectResult } from "../check.ts";
import { namedBySystemd } from "../unit-files.ts";

export const unitsDropIns: Check = {
  id: "units.drop-ins",
  title: "the drop-ins of the units can be read, and be changed by nobody else",
  explain: {
    checks:
      "Every drop-in that systemd merges into the holder, the template or one agent, in all folders that the manager reads: those of mosaic-fleet, and yours. Each is listed; what is in them is judged by units.promises.",
    why: "A drop-in that systemd cannot read does nothing, without a word. One that somebody else can write to runs programs as you.",
    mend: "chmod u+r makes a drop-in readable, chmod go-w takes the right to write from others. A link that leads nowhere is removed.",
  },
  requires: ["units.loaded"],
  async run(tools) {
    const { host } = tools;
    const [holder, template, files] = await Promise.all([tools.holder(), tools.template(), tools.unitFiles()]);
    const paths = new Set([...holder.dropIns, ...template.dropIns]);
    const shared = new Set([holder.id, template.id].flatMap((unit) => files.dropIns(unit)));
    for (const path of shared) if (!paths.has(path)) paths.add(await namedBySystemd(host, path));
    for (const name of files.agents)
      for (const path of files.dropIns(agentUnit(name))) if (!shared.has(path)) paths.add(path);
    const writers = await writersOf(host);
    const folders = new Map([...paths].map((path) => [dirname(path), host.files.status(dirname(path))]));
    const subjects = await Promise.all(
      [...paths].sort().map(async (path): Promise<SubjectResult> => {
        const subject = tilde(path, host.user.home);
        const warn = (message: string, commands: readonly string[], root: readonly string[] = []): SubjectResult => ({
          subject,
          status: "warn",
          message,
          fix: { commands, root },
        });
        const typed = shellPath(path, host.user.home);
        try {
          if ((await files.text(path)) === undefined)
            return warn("it leads nowhere, and does nothing", [`rm ${typed}`, "systemctl --user daemon-reload"]);
        } catch (error) {
          const denied = (error as { code?: string }).code === "EACCES";
          return warn(`systemd cannot read it, and it does nothing (${describeError(error)})`, [
            denied ? `chmod u+r ${typed}` : moveAside(path, "off"),
            "systemctl --user daemon-reload",
          ]);
        }
        for (const place of [path, dirname(path)]) {
          const status = await (folders.get(place) ?? host.files.status(place));
          const found = status && writers(status);
          if (status && found) return warnOfWriters(host, subject, place, status, found);
        }
        return { subject, status: "pass", message: isOurs(path) ? "of mosaic-fleet" : "yours" };
      }),
    );
    const result = ofSubjects(subjects, { many: "drop-ins", healthy: "", failing: "they do not do what they should" });
    if (result.status !== "pass") return result;
    const yours = subjects.map(({ subject }) => subject).filter((path) => !isOurs(path));
    const ours = subjects.map(({ subject }) => subject).filter(isOurs);
    const evidence: Evidence = { yours, "of mosaic-fleet": ours };
    return { status: "pass", evidence, ...(yours.length > 0 ? { detail: `${yours.length} of yours` } : {}) };
  },
};

function isOurs(path: string): boolean {
  return isOurDropIn(basename(path));
}

function warnOfWriters(
  host: Host,
  subject: string,
  place: string,
  status: FileStatus,
  { kind, who }: Writers,
): SubjectResult {
  const typed = shellPath(place, host.user.home);
  const mine = status.uid === host.user.uid;
  const command = kind === "owner" ? `chown ${shellWord(host.user.name)} ${typed}` : `chmod go-w ${typed}`;
  return {
    subject,
    status: kind === "unknown" ? "unknown" : "warn",
    message: `${who} can change ${place.endsWith(".conf") ? "it" : "what is in its folder"}, and so make programs run as ${host.user.name}`,
    fix: mine ? { commands: [command] } : { root: [command] },
  };
}
