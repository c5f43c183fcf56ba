import { basename, dirname, join } from "node:path";
import { AGENT_TEMPLATE, HOLDER_UNIT } from "../../core/names.ts";
import { tilde } from "../../core/paths.ts";
import { moveAside, shellPath } from "../../core/shell.ts";
import type { Step } from "../../install/action.ts";
import { besideOf } from "../../install/judge.ts";
import { knownSums } from "../../install/receipt.ts";
import { type Check, type Fix, ofSubjects, type SubjectResult } from "../check.ts";
import { closedFolder } from "../closed-folder.ts";
import { otherConfig } from "../config-home.ts";
import { installFix } from "../install-fix.ts";
import { replacedBy } from "../replaced.ts";
import type { Tools } from "../tools.ts";

export const layoutFiles: Check = {
  id: "layout.files",
  title: "every file of the layout is there and of this version",
  explain: {
    checks:
      "Whether each unit, script and configuration file that mosaic-fleet owns is where it belongs, with its mode and with the content of this version, and whose content is used where it is another. A link to a file of yours with that content is as good. First of all, whether this shell and the user manager have the same folder of settings.",
    why: "systemd and tmux read these files as they are. A missing one means that units do not load or that agents do not start. One of another version does what that version did, beside scripts that expect otherwise. A file that you edited is used as you left it, and no later version changes it.",
    mend: "mosaic-fleet install writes what is missing or out of date, and leaves alone what you edited. After a rollback, or for an older program, the other version is left to you: --fix does not undo it, mosaic-fleet install does. To keep a change of a unit, make it in a drop-in (systemctl --user edit UNIT); of tmux.conf, in tmux.local.conf. Then let mosaic-fleet install --take PATH put ours in the place of the edited file, which is kept beside it; what you have removed comes back with mosaic-fleet install --restore.",
  },
  async run(tools) {
    const looked = await Promise.all([otherConfig(tools), tools.plan()]).catch((error: unknown) => ({ error }));
    if ("error" in looked) {
      const { units, tools: scripts, agents } = tools.paths;
      const closed = await closedFolder(tools, [units, scripts, agents]);
      if (closed === undefined) throw looked.error;
      return { status: "fail", ...closed };
    }
    const [other, plan] = looked;
    if (other !== undefined) return { status: "fail", ...other };
    const files = plan.steps.filter(({ action }) => action.kind === "write-file");
    if (files.every(({ change }) => change === "create"))
      return {
        status: "fail",
        message: "nothing is installed here yet",
        evidence: { files: files.length },
        fix: await installFix(tools),
      };
    const replacing = await replacedBy(tools);
    const subjects = await Promise.all(
      plan.steps.flatMap((step) =>
        // What lies beside an edited file is told by layout.pending, what this version does not have by layout.receipt.
        "path" in step.action && step.action.kind !== "remove-file" && !step.action.path.endsWith(besideOf(""))
          ? [subjectOf(tools, step, step.action.path, replacing)]
          : [],
      ),
    );
    const result = ofSubjects(subjects, {
      many: "files and folders",
      healthy: `${files.length} files`,
      failing:
        replacing === undefined
          ? "they are not as this version has them"
          : `version ${replacing} is laid out, in the place of this one`,
    });
    return { ...result, subjects: subjects.filter(({ status }) => status !== "pass") };
  },
};

function shownPath(tools: Tools, action: Step["action"]): string {
  return "path" in action ? tilde(action.path, tools.host.user.home) : "";
}

async function subjectOf(
  tools: Tools,
  step: Step,
  path: string,
  replacing: string | undefined,
): Promise<SubjectResult> {
  const subject = shownPath(tools, step.action);
  const again = "mosaic-fleet install   # lays out this version again";
  const install: Fix = replacing === undefined ? await installFix(tools) : { commands: [again] };
  const status = await tools.host.files.status(path);
  if (step.change === "none") return { subject, status: "pass", message: "up to date" };
  const receipt = await tools.receipt();
  const recorded =
    receipt !== undefined && receipt !== "unreadable" && receipt.files.some((file) => file.path === path);
  if (step.change === "create" && step.action.kind === "write-file" && replacing !== undefined && !recorded)
    return { subject, status: "warn", message: `version ${replacing} has no such file`, fix: install };
  if (step.change === "create" || (step.change === "keep" && step.kept === "removed")) {
    const fix: Fix =
      replacing === undefined
        ? await installFix(tools, step.change === "keep")
        : { commands: ["mosaic-fleet install --restore   # lays out this version again"] };
    return path.endsWith(CANARY)
      ? { subject, status: "warn", message: "it is missing: the agent canary has no program of its own", fix }
      : { subject, status: "fail", message: "it is missing", fix };
  }
  const { action } = step;
  if (action.kind === "make-folder" && step.change === "conflict")
    return { subject, status: "fail", message: step.why, fix: { commands: [step.next] } };
  if (action.kind === "write-file" && status?.kind === "link") {
    const { files, user } = tools.host;
    const target = await files.realPath(path);
    const own = target === undefined ? undefined : await files.status(target);
    // Somebody else's may be another tomorrow.
    const isOurs = own?.kind === "file" && (own.uid === user.uid || own.uid === 0);
    if (isOurs && (await isCurrent(tools, path, action.text)))
      return { subject, status: "pass", message: "a link to the same" };
    if (target === "/dev/null")
      return {
        subject,
        status: "fail",
        message: `a link to /dev/null is in its place: ${isUnit(path) ? "it is masked" : "it is as if it were empty"}`,
        fix: { commands: [`rm ${shellPath(path, user.home)}`, "mosaic-fleet install --restore"] },
      };
  }
  if (action.kind !== "write-file" || status?.kind !== "file")
    return {
      subject,
      status: "fail",
      message: `a ${status?.kind ?? "file"} is in its place, and is used instead of ours`,
      fix: { commands: [moveAside(path, "yours"), "mosaic-fleet install --restore"] },
    };
  const { files, user } = tools.host;
  if (step.change === "conflict" && !(await files.allows(path, "read")))
    return {
      subject,
      status: "fail",
      message: `it cannot be read, by systemd neither (mode ${octal(status.mode)}, of user ${status.uid})`,
      fix:
        status.uid === user.uid
          ? { commands: [`chmod ${octal(action.mode)} ${shellPath(path, user.home)}`] }
          : (await files.allows(dirname(path), "write"))
            ? { commands: [moveAside(path, "yours"), "mosaic-fleet install --restore"] }
            : { root: [`chown ${user.uid} ${shellPath(path, user.home)}`] },
    };
  if (step.change === "update" && status.mode !== action.mode && (await isCurrent(tools, path, action.text)))
    return {
      subject,
      status: "warn",
      message: `its mode is ${octal(status.mode)}, not ${octal(action.mode)}`,
      fix: install,
    };
  if (step.change === "update" && replacing !== undefined)
    return {
      subject,
      status: "warn",
      message: `it is of version ${replacing}, which was laid out in the place of this one: by a rollback, or this program is the older`,
      fix: install,
    };
  if (step.change === "update") {
    const from = receipt === undefined || receipt === "unreadable" ? "another version" : `version ${receipt.version}`;
    return { subject, status: "fail", message: `it is of ${from}, and is used as it is`, fix: install };
  }
  if (receipt === "unreadable")
    return {
      subject,
      status: "fail",
      message: "it is used, and is not of this version; whose it is only the receipt knows, which cannot be read",
      fix: { commands: [moveAside(path, "yours"), "mosaic-fleet install --restore"] },
    };
  const sums = knownSums(receipt, path);
  if (sums.length === 0)
    return {
      subject,
      status: "fail",
      message: "it was not written by mosaic-fleet, and is used instead of ours",
      fix: { commands: [moveAside(path, "yours"), "mosaic-fleet install --restore"] },
    };
  const behind = sums.includes(action.sha256) ? "" : ", and this version's changes are not in it";
  return {
    subject,
    status: "warn",
    message: `it was edited since mosaic-fleet wrote it: your edit is used, and install does not touch it${behind}`,
    fix: { commands: [`mosaic-fleet install --take ${shellPath(path, tools.host.user.home)}`, ...keepBy(tools, path)] },
  };
}

/** What the agent of the manual's canary sequence runs; no other needs it. */
const CANARY = "/mosaic-agent@canary.service.d/10-mosaic-canary.conf";

function isUnit(path: string): boolean {
  return path.endsWith(".service");
}

async function isCurrent(tools: Tools, path: string, text: string): Promise<boolean> {
  return (await tools.host.files.read(path)) === text;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/** Where a change of one's own belongs, and stays whatever is installed. */
function keepBy({ paths, host }: Tools, path: string): string[] {
  if (path === join(paths.tools, "tmux.conf"))
    return [`# your change belongs into ${tilde(join(paths.site, "tmux.local.conf"), host.user.home)}`];
  const unit = [HOLDER_UNIT, AGENT_TEMPLATE].find((each) => join(paths.units, each) === path);
  const changed = unit ?? (path.endsWith(".conf") ? basename(dirname(path)).replace(/\.d$/, "") : undefined);
  return changed === undefined ? [] : [`systemctl --user edit ${changed}   # your change, as a drop-in`];
}
