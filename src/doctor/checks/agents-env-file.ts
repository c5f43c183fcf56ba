import { AGENT_KEYS, HOME_KEYS } from "../../core/agent-keys.ts";
import { type EnvProblem, envProblems, type ValueProblem, valueProblems } from "../../core/env-problems.ts";
import { shellPath } from "../../core/shell.ts";
import { allOf } from "../../core/steps.ts";
import { editCommand, folderCommand, unsetCommand } from "../../fleet/setting-commands.ts";
import type { SettingsFile } from "../../fleet/settings-files.ts";
import { counted, type Look, named, settingsFiles } from "../agent-subjects.ts";
import { type Check, type CheckResult, type Fix, ofSubjects, type SubjectResult } from "../check.ts";
import { pipeAside } from "../pipe.ts";
import type { Tools } from "../tools.ts";

const KNOWN = Object.keys(AGENT_KEYS);
/** More are not worth a line. */
const SHOWN = 10;

export const agentsEnvFile: Check = {
  id: "agents.env-file",
  title: "every settings file is read as it was meant, and its values let an agent start",
  explain: {
    checks:
      "`~/.config/mosaic/fleet/fleet.env` and every file in `~/.config/mosaic/fleet/agents`, read by the rules of systemd's `EnvironmentFile=`: line ends, byte order mark, `export`, quotes, `$VAR` and `~`, spaces, comments behind values, `MOSAIC_` keys that nothing reads. And values that keep an agent from starting: another agent's name, another `XDG_RUNTIME_DIR`, more than 128 KiB; and folders of a PATH that are no whole paths.",
    why: "These files look like shell, and are not. systemd skips what it does not understand without a word, and gives a whole file up for one NUL or one byte that is not UTF-8: the agent then starts all the same, without any of its settings, with the default program in the home folder.",
    mend: "Edit the line that is named. One `KEY=value` a line; a comment in a line of its own; no `export`; a value with quotes or spaces at its ends in double quotes. Then restart the agent.",
  },
  async run(tools) {
    const files = await settingsFiles(tools);
    if ("status" in files) return files;
    const looks = await allOf(files.map(({ subject, file, agent }) => named(subject, lookAt(tools, file, agent))));
    const subjects = looks.map(({ lost: _, ...result }): SubjectResult => result);
    const result: CheckResult = ofSubjects(subjects, {
      many: "files",
      healthy: counted(files.length, "settings file"),
      failing: "systemd does not read them as they were meant",
    });
    return result.status === "fail" && looks.some(({ lost }) => lost) ? { ...result, unreadable: true } : result;
  },
};

/** `lost`: nothing of the file can be read, by us or by systemd. */
type FileLook = Look & { readonly lost: boolean };

function lookAt(tools: Tools, file: SettingsFile, agent: string | undefined): FileLook | Promise<FileLook> {
  if (file.problem !== undefined)
    return {
      lost: true,
      status: "fail",
      message:
        file.status.kind === "other"
          ? `it is no file, but something to wait at (a pipe, a device): systemd itself opens it at the next start of ${agent ?? "any agent"}, waits for ever, and with it all of this user's units`
          : `its settings cannot be read (${file.problem}), so the agent starts without them`,
      evidence: { file: file.path, mode: file.status.mode.toString(8), owner: file.status.uid },
      fix: unreadableFix(tools, file),
    };
  const values = valueProblems(file.variables, agent, tools.paths.runtime);
  const problems = [...(file.plain ? [] : envProblems(file.bytes, KNOWN)), ...values];
  const [first] = [...problems].sort((a, b) => Number(a.severity === "warn") - Number(b.severity === "warn"));
  if (first === undefined) {
    const keys = Object.keys(file.variables);
    const names = keys.length > 4 ? `${keys.slice(0, 3).join(", ")} and ${keys.length - 3} more` : keys.join(", ");
    return { lost: false, status: "pass", message: keys.length === 0 ? "no settings" : names };
  }
  return problematic(tools, file, first, problems);
}

async function problematic(
  tools: Tools,
  file: SettingsFile,
  first: EnvProblem | ValueProblem,
  problems: readonly (EnvProblem | ValueProblem)[],
): Promise<FileLook> {
  const more = problems.length === 1 ? "" : ` (and ${counted(problems.length - 1, "more line")})`;
  return {
    lost: problems.some(({ kind }) => kind === "nul" || kind === "not-utf8"),
    status: first.severity,
    message: `${text(first)}${more}`,
    evidence: { file: file.path, problems: problems.slice(0, SHOWN).map(text) },
    fix: { commands: await mendingCommands(tools, file, problems) },
  };
}

function text({ line, message, suggestion }: EnvProblem | ValueProblem): string {
  const where = line === 0 ? "" : `line ${line}: `;
  return `${where}${message}${suggestion === undefined || message.includes(suggestion) ? "" : ` (write ${suggestion})`}`;
}

/** What mends them for sure; else the editor. */
async function mendingCommands(
  { host }: Tools,
  file: SettingsFile,
  problems: readonly (EnvProblem | ValueProblem)[],
): Promise<string[]> {
  const { home } = host.user;
  const path = shellPath(file.real, home);
  // Where export is a word in front of an assignment that stands for itself.
  const alone = !/["'\\]\s*\n\s*export/.test(new TextDecoder().decode(file.bytes));
  const commandOf = async (problem: EnvProblem | ValueProblem): Promise<string> => {
    const { kind, message } = problem;
    if ("mend" in problem)
      return problem.mend === "unset" ? unsetCommand(file, problem.key, home) : editCommand(file.real, home);
    if (kind === "crlf") return `sed -i 's/\\r$//' ${path}`;
    if (kind === "byte-order-mark") return `sed -i '1s/^\\xEF\\xBB\\xBF//' ${path}`;
    if (kind === "export" && alone && message.includes("knows no export"))
      return `sed -i 's/^[ \\t]*export[ \\t][ \\t]*//' ${path}`;
    const folder = HOME_KEYS.find((key) => message.startsWith(`${key}: `));
    if (folder !== undefined && (kind === "expansion" || kind === "trailing-comment"))
      return folderCommand(host, file, folder);
    return editCommand(file.real, home);
  };
  const commands = new Set<string>();
  // One of each kind is enough of what is mended in the whole file at once.
  const kinds = new Map(problems.map((problem) => [`${problem.kind} ${problem.message}`, problem]));
  for (const problem of [...kinds.values()].slice(0, 100)) commands.add(await commandOf(problem));
  return [...commands];
}

function unreadableFix({ host }: Tools, { real, path, status }: SettingsFile): Fix {
  const { home, uid } = host.user;
  if (status.kind === "other") return { commands: [pipeAside(path, home, "aside")] };
  if (status.kind !== "file") return { commands: [`ls -ld ${shellPath(path, home)}`] };
  if (status.uid === uid) return { actions: [{ kind: "make-private", path: real }] };
  return { root: [`chown ${uid} ${shellPath(real, home)}`] };
}
