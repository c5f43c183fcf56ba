import { dirname } from "node:path";
import { type Writers, writersAlong } from "../../adapters/permissions.ts";
import type { FileStatus } from "../../core/host.ts";
import { tilde } from "../../core/paths.ts";
import { shellPath, shellWord } from "../../core/shell.ts";
import { type Check, ofSubjects, type SubjectResult } from "../check.ts";
import type { Tools } from "../tools.ts";

export const layoutWritable: Check = {
  id: "layout.writable",
  title: "nobody else can write to the files of the fleet, or to a folder that they are in",
  explain: {
    checks:
      "Who owns, and who may write to, each file of the layout, fleet.env, tmux.local.conf, the folders of units, tools, settings and state, and every folder above them up to the home folder. A group counts only when somebody else is in it. Links are followed.",
    why: "Whoever can write to a unit, a script or an environment file, or replace one because its folder is open, runs programs as you: at the next start of any agent, with your keys in the environment.",
    mend: "Take the right away with chmod go-w PATH, or chmod o-w where the group may keep it. What belongs to somebody else is given back by root, with chown. What lies outside your home is not yours to close: lead no link there, and set no XDG_CONFIG_HOME to it.",
  },
  async run(tools) {
    const { host, paths } = tools;
    const plan = await tools.plan();
    const files = plan.steps.flatMap(({ action }) => (action.kind === "write-file" ? [action.path] : []));
    const settings = ["fleet.env", "tmux.local.conf"].map((name) => `${paths.site}/${name}`);
    const folders = [paths.units, paths.tools, paths.site, paths.agents, paths.state, ...files.map(dirname)];
    const along = await writersAlong(host, folders, [...files, ...settings, paths.receipt]);
    const looked = along.map(({ path, status, writers }) => subjectOf(tools, path, status, writers));
    const result = ofSubjects(looked, {
      many: "files and folders",
      healthy: "",
      failing: "others can change what runs as you",
    });
    return { ...result, subjects: looked.filter(({ status: each }) => each !== "pass") };
  },
};

function subjectOf({ host }: Tools, path: string, status: FileStatus, found: Writers | undefined): SubjectResult {
  const subject = tilde(path, host.user.home);
  if (found === undefined) return { subject, status: "pass", message: "only this user and root may write" };
  const typed = shellPath(path, host.user.home);
  // Who may change what lies elsewhere is for others to say, and may be as it should be for them.
  const elsewhere =
    path === host.user.home || path.startsWith(`${host.user.home}/`)
      ? undefined
      : {
          commands: [
            `ls -ld ${typed}   # the fleet's files lead there: keep them in a folder that only you can change`,
          ],
        };
  const evidence = { mode: status.mode.toString(8).padStart(4, "0"), uid: status.uid, gid: status.gid };
  if (found.kind === "owner")
    return {
      subject,
      status: "fail",
      message: `it belongs to ${found.who}, who can make programs run as ${host.user.name}`,
      evidence,
      fix: elsewhere ?? { root: [`chown ${shellWord(host.user.name)} ${typed}`] },
    };
  const chmod = `chmod go-w ${typed}`;
  const mine = status.uid === host.user.uid;
  return {
    subject,
    status: { everybody: "fail", group: "warn", unknown: "unknown" }[found.kind] as "fail" | "warn" | "unknown",
    message: `${found.who} may write to it, and so make programs run as ${host.user.name}`,
    evidence,
    fix: elsewhere ?? (mine ? { commands: [chmod] } : { root: [chmod] }),
  };
}
