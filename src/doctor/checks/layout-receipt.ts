import { dirname, join } from "node:path";
import { describeError } from "../../core/errors.ts";
import { tilde } from "../../core/paths.ts";
import { moveAside } from "../../core/shell.ts";
import { laterWriter, type Receipt } from "../../install/receipt.ts";
import { cutOff, describeCutOff } from "../../install/receipt-run.ts";
import type { Check, CheckResult } from "../check.ts";
import { closedFolder } from "../closed-folder.ts";
import { notTheirs, otherConfig } from "../config-home.ts";
import { installFix } from "../install-fix.ts";
import { replacedBy } from "../replaced.ts";
import type { Tools } from "../tools.ts";

export const layoutReceipt: Check = {
  id: "layout.receipt",
  title: "the receipt of the last install can be read, and that install ended",
  explain: {
    checks:
      "The receipt, ~/.local/state/mosaic/fleet/receipt.json: whether this version can read it, whether the install, rollback or uninstall that wrote it came to its end, how far it had got where it did not, and whether it names files that this version does not have.",
    why: "The receipt tells which files are ours and what was in them. Without it no install can tell its own files from yours, and each that differs is in the way. After an install that was killed, files of two versions may stand side by side.",
    mend: "mosaic-fleet install finishes what was begun and writes the receipt anew; mosaic-fleet uninstall finishes an uninstall that was cut off. A receipt that cannot be read is moved aside first. Files that only another version has stay on disk until you move them away.",
  },
  async run(tools) {
    const { host, paths } = tools;
    const look = await tools.receipt().catch((error) => ({ problem: describeError(error) }));
    const later = look === "unreadable" ? await laterWriter(host, paths.receipt) : undefined;
    if (later !== undefined)
      return {
        status: "fail",
        unreadable: true,
        message: `version ${later} laid it out, and this one cannot read its receipt`,
        evidence: { receipt: paths.receipt },
        fix: { commands: ["mosaic-fleet self-update"] },
      };
    if (look === "unreadable" || (look !== undefined && "problem" in look))
      return {
        status: "fail",
        unreadable: true,
        message: `the receipt cannot be read by this version: install can tell none of its files from yours${typeof look === "string" ? "" : ` (${look.problem})`}`,
        evidence: { receipt: paths.receipt },
        fix: (await closedFolder(tools, [paths.state]))?.fix ?? {
          commands: [moveAside(paths.receipt, "unreadable"), "mosaic-fleet install"],
        },
      };
    if ((await otherConfig(tools)) !== undefined) return notTheirs;
    const plan = await tools.plan();
    const files = plan.steps.flatMap(({ action, change }) =>
      action.kind === "write-file" ? [{ action, change }] : [],
    );
    if (look === undefined)
      return files.every(({ change }) => change === "create")
        ? { status: "skip", reason: "nothing is installed here yet" }
        : {
            status: "warn",
            message:
              "files of the layout are there, but no receipt: no later install can tell whether they are its own",
            evidence: { receipt: paths.receipt },
            fix: await installFix(tools),
          };
    if (look.phase === "applying") return unfinished(tools, look);
    // What that version has besides is in use.
    if ((await replacedBy(tools)) !== undefined) return { status: "pass", detail: `version ${look.version}` };
    const ours = new Set(files.map(({ action }) => action.path));
    const others = look.files.map(({ path }) => path).filter((path) => !ours.has(path));
    const left: string[] = [];
    for (const path of others) if ((await host.files.status(path)) !== undefined) left.push(path);
    if (left.length === 0) return { status: "pass", detail: `version ${look.version}` };
    // They are of a layout that stands elsewhere: another HOME, or another XDG_CONFIG_HOME, and no manager to tell.
    if (files.every(({ change }) => change === "create"))
      return {
        status: "warn",
        message: `the receipt is of files in ${tilde(dirname(left[0] ?? ""), host.user.home)}, and nothing is installed where this shell looks`,
        evidence: { files: left.map((path) => tilde(path, host.user.home)) },
        fix: host.env.XDG_CONFIG_HOME === undefined ? await installFix(tools) : { commands: ["unset XDG_CONFIG_HOME"] },
      };
    return {
      status: "warn",
      message: `version ${look.version} has left ${left.length === 1 ? "a file" : `${left.length} files`} that this version does not have: what systemd finds there it still reads`,
      evidence: { files: left.map((path) => tilde(path, host.user.home)) },
      fix: { commands: [...left.map((path) => moveAside(path, "old")), "systemctl --user daemon-reload"] },
    };
  },
};

/** An install was killed, or is at it: then its lock names a process that lives. */
async function unfinished(tools: Tools, receipt: Receipt): Promise<CheckResult> {
  const { host, paths, procfs } = tools;
  const far = cutOff(receipt);
  const version = far?.version ?? receipt.to ?? receipt.version;
  const command = far?.command ?? (receipt.to === null ? "uninstall" : "install");
  const [pid, startTime] = ((await host.files.readLink(join(paths.state, "install.lock"))) ?? "").split(" ");
  if (startTime !== undefined && (await procfs.startTime(Number(pid))) === startTime)
    return {
      status: "warn",
      message: `${command} of ${version} is running (pid ${pid}): look again when it has ended`,
      fix: { commands: ["mosaic-fleet doctor --only layout --wait 1m"] },
    };
  const said = far === undefined ? `${command} of ${version} was cut off` : describeCutOff(far, host.user.home);
  return {
    status: "fail",
    message:
      command === "uninstall"
        ? `${said}; a part of the layout may be gone`
        : `${said}; files of two versions may stand side by side`,
    fix:
      command === "uninstall"
        ? { commands: ["mosaic-fleet uninstall   # or, to have it again: mosaic-fleet install"] }
        : await installFix(tools),
  };
}
