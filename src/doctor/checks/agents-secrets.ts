import { dirname } from "node:path";
import { commandArguments } from "../../core/agent-program.ts";
import { looksSecret, secretInArguments } from "../../core/redact.ts";
import { shellPath } from "../../core/shell.ts";
import { allOf } from "../../core/steps.ts";
import { editCommand } from "../../fleet/setting-commands.ts";
import type { SettingsFile } from "../../fleet/settings-files.ts";
import { counted, type Look, named, settingsFiles } from "../agent-subjects.ts";
import { type Check, ofSubjects } from "../check.ts";
import type { Tools } from "../tools.ts";

const GROUP_OR_OTHERS_WRITE = 0o022;
const GROUP_OR_OTHERS_READ = 0o044;
const OTHERS_READ = 0o004;
const OTHERS_ENTER = 0o001;

export const agentsSecrets: Check = {
  id: "agents.secrets",
  title: "keys in settings files are their owner's alone",
  explain: {
    checks:
      "Owner and mode of `fleet.env` and of every agent's file, and whether something in it looks like a key: by the name of the variable (`…_API_KEY`, `…_TOKEN`, `…_PASSWORD`) or by the shape of its value. And whether `MOSAIC_AGENT_COMMAND` has a key among its arguments. No value is ever shown.",
    why: "A file that others can read gives the key away; one that others can write runs their commands as you. What stands in the arguments of a command is in the list of processes, where every user of the machine sees it.",
    mend: "`chmod 600` the file. Put the key into a variable of its own in the agent's file, which its program inherits, and let the command name the variable or nothing at all.",
  },
  async run(tools) {
    const files = await settingsFiles(tools);
    if ("status" in files) return files;
    const shields = new Map<string, Promise<boolean>>();
    const shielded = (folder: string) => {
      const known = shields.get(folder) ?? isShielded(tools, folder);
      shields.set(folder, known);
      return known;
    };
    const looks = files.map(({ subject, file }) => ({ subject, file, keys: secretKeys(file) }));
    const subjects = await allOf(
      looks.map(({ subject, file, keys }) =>
        named(subject, isHarmless(tools, file, keys) ?? lookAt(tools, file, keys, shielded)),
      ),
    );
    const holding = looks.filter(({ keys }) => keys.length > 0).length;
    return ofSubjects(subjects, {
      many: "files",
      healthy: holding === 0 ? "no keys in files" : `${counted(holding, "file")} with keys`,
      failing: "keys are not their owner's alone",
    });
  },
};

function secretKeys({ variables }: SettingsFile): string[] {
  return Object.entries(variables).flatMap(([key, value]) => (looksSecret(key, value) ? [key] : []));
}

/** Of a file with no key in it, its owner's alone: there is nothing to look closer at. */
function isHarmless({ host }: Tools, { status, variables }: SettingsFile, keys: readonly string[]): Look | undefined {
  const others = status.mode & (GROUP_OR_OTHERS_READ | GROUP_OR_OTHERS_WRITE);
  if (status.kind !== "file" || status.uid !== host.user.uid || others !== 0) return undefined;
  if (keys.length > 0 || variables.MOSAIC_AGENT_COMMAND !== undefined) return undefined;
  return { status: "pass", message: `no keys, mode ${modeOf(status)}` };
}

function modeOf({ mode }: SettingsFile["status"]): string {
  return mode.toString(8).padStart(3, "0");
}

async function lookAt(
  tools: Tools,
  file: SettingsFile,
  keys: readonly string[],
  shielded: (folder: string) => Promise<boolean>,
): Promise<Look> {
  const { home, uid } = tools.host.user;
  const { status, real, variables } = file;
  const mode = modeOf(status);
  const evidence = { file: file.path, mode, "looks like a key": keys };
  const makePrivate = { actions: [{ kind: "make-private", path: real } as const] };
  if (status.kind !== "file") return { status: "pass", message: "no file that could be read" }; // agents.env-file says why
  if (status.uid !== uid && status.uid !== 0)
    return {
      status: "fail",
      message: `belongs to user ${status.uid}, who can make the agent run anything`,
      evidence: { ...evidence, owner: status.uid },
      fix: { root: [`chown ${uid} ${shellPath(real, home)}`] },
    };
  if ((status.mode & GROUP_OR_OTHERS_WRITE) !== 0 && !(await shielded(dirname(real))))
    return {
      status: "fail",
      message: `others can write it (mode ${mode}), and so make the agent run anything`,
      evidence,
      fix: makePrivate,
    };
  if (keys.length > 0 && (status.mode & (GROUP_OR_OTHERS_READ | GROUP_OR_OTHERS_WRITE)) !== 0) {
    const open = (status.mode & OTHERS_READ) !== 0 && !(await shielded(dirname(real)));
    const what = `${keys.slice(0, 3).join(", ")} ${keys.length === 1 ? "looks" : "look"} like ${keys.length === 1 ? "a key" : "keys"}`;
    return {
      status: open ? "fail" : "warn",
      message: open
        ? `${what}, and every user of this machine can read the file (mode ${mode})`
        : `${what}, and the file is not its owner's alone (mode ${mode})`,
      evidence,
      fix: makePrivate,
    };
  }
  const command = variables.MOSAIC_AGENT_COMMAND;
  if (command !== undefined && secretInArguments(commandArguments(command)))
    return {
      status: "warn",
      message:
        "MOSAIC_AGENT_COMMAND has a key among its arguments, which every user sees in the list of processes: give it a variable of its own in this file",
      evidence: { file: file.path },
      fix: { commands: [editCommand(real, home)] },
    };
  return {
    status: "pass",
    message: keys.length === 0 ? `no keys, mode ${mode}` : `${counted(keys.length, "key")}, mode ${mode}`,
  };
}

/** Whether a folder above keeps other users out, whatever the file's own mode is. */
async function isShielded({ host }: Tools, folder: string): Promise<boolean> {
  for (let at = folder; ; at = dirname(at)) {
    const status = await host.files.status(at);
    if (status?.kind === "folder" && (status.mode & OTHERS_ENTER) === 0) return true;
    if (at === dirname(at)) return false;
  }
}
