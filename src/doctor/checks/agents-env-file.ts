import { AGENT_KEYS } from "../../core/agent-keys.ts";
import { type EnvProblem, envProblems } from "../../core/env-problems.ts";
import { shellPath } from "../../core/shell.ts";
import { counted, noAgents } from "../agent-subjects.ts";
import type { SettingsFile } from "../agents.ts";
import { type Check, type CheckResult, type Fix, ofSubjects, type SubjectResult } from "../check.ts";
import { editCommand } from "../setting-commands.ts";
import type { Tools } from "../tools.ts";

const KNOWN = Object.keys(AGENT_KEYS);
/** More are not worth a line. */
const SHOWN = 10;

export const agentsEnvFile: Check = {
  id: "agents.env-file",
  title: "systemd reads every settings file as it was meant",
  explain: {
    checks:
      "`~/.config/mosaic/fleet/fleet.env` and every file in `~/.config/mosaic/fleet/agents`, read by the rules of systemd's `EnvironmentFile=`: line ends, byte order mark, `export`, quotes, `$VAR` and `~`, spaces, comments behind values, `MOSAIC_` keys that nothing reads.",
    why: "These files look like shell, and are not. systemd skips what it does not understand without a word, and gives a whole file up for one NUL or one byte that is not UTF-8: the agent then starts all the same, without any of its settings, with the default program in the home folder.",
    mend: "Edit the line that is named. One `KEY=value` a line; a comment in a line of its own; no `export`; a value with quotes or spaces at its ends in double quotes. Then restart the agent.",
  },
  async run(tools) {
    const [settings, agents] = await Promise.all([tools.settings(), tools.agents()]);
    const files = [
      { subject: "fleet.env", file: settings },
      ...agents.map(({ name, file }) => ({ subject: name === "" ? ".env" : name, file })),
    ].flatMap(({ subject, file }) => (file === undefined ? [] : [{ subject, file }]));
    if (files.length === 0)
      return agents.length === 0 ? noAgents : { status: "skip", reason: "no agent has a file with settings" };
    const looks = files.map(({ subject, file }) => ({ subject, ...lookAt(tools, file) }));
    const subjects = looks.map(({ lost: _, ...result }): SubjectResult => result);
    const result: CheckResult = ofSubjects(subjects, {
      many: "files",
      healthy: counted(files.length, "file"),
      failing: "systemd does not read them as they were meant",
    });
    return result.status === "fail" && looks.some(({ lost }) => lost) ? { ...result, unreadable: true } : result;
  },
};

/** `lost`: nothing of the file can be read, by us or by systemd. */
function lookAt(tools: Tools, file: SettingsFile): Omit<SubjectResult, "subject"> & { readonly lost: boolean } {
  const { home } = tools.host.user;
  if (file.problem !== undefined)
    return {
      lost: true,
      status: "fail",
      message: `its settings cannot be read (${file.problem}), so the agent starts without them`,
      evidence: { file: file.path, mode: file.status.mode.toString(8), owner: file.status.uid },
      fix: unreadableFix(tools, file),
    };
  const problems = file.plain ? [] : envProblems(file.bytes, KNOWN);
  const [first] = [...problems].sort((a, b) => Number(a.severity === "warn") - Number(b.severity === "warn"));
  if (first === undefined) {
    const keys = Object.keys(file.variables);
    const names = keys.length > 4 ? `${keys.slice(0, 3).join(", ")} and ${keys.length - 3} more` : keys.join(", ");
    return { lost: false, status: "pass", message: keys.length === 0 ? "no settings" : names };
  }
  const more = problems.length === 1 ? "" : ` (and ${counted(problems.length - 1, "more line")})`;
  return {
    lost: problems.some(({ kind }) => kind === "nul" || kind === "not-utf8"),
    status: first.severity,
    message: `${text(first)}${more}`,
    evidence: { file: file.path, problems: problems.slice(0, SHOWN).map(text) },
    fix: { commands: [...new Set(problems.flatMap((problem) => mendingCommand(file, problem, home)))] },
  };
}

function text({ line, message, suggestion }: EnvProblem): string {
  const where = line === 0 ? "" : `line ${line}: `;
  return `${where}${message}${suggestion === undefined || message.includes(suggestion) ? "" : ` (write ${suggestion})`}`;
}

/** What mends it for sure; else the editor. */
function mendingCommand({ real, bytes }: SettingsFile, { kind, message }: EnvProblem, home: string): string[] {
  const path = shellPath(real, home);
  switch (kind) {
    case "crlf":
      return [`sed -i 's/\\r$//' ${path}`];
    case "byte-order-mark":
      return [`sed -i '1s/^\\xEF\\xBB\\xBF//' ${path}`];
    case "export":
      // Where it is a word in front of an assignment that stands for itself.
      return message.includes("knows no export") && !/["'\\]\s*\n\s*export/.test(new TextDecoder().decode(bytes))
        ? [`sed -i 's/^[ \\t]*export[ \\t][ \\t]*//' ${path}`]
        : [editCommand(real, home)];
    default:
      return [editCommand(real, home)];
  }
}

function unreadableFix({ host }: Tools, { real, path, status }: SettingsFile): Fix {
  const { home, uid } = host.user;
  if (status.kind !== "file") return { commands: [`ls -ld ${shellPath(path, home)}`] };
  if (status.uid === uid) return { actions: [{ kind: "make-private", path: real }] };
  return { root: [`chown ${uid} ${shellPath(real, home)}`] };
}
