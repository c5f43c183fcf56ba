import { join } from "node:path";
import { isAgentName } from "../../core/names.ts";
import { shellPath, shellWord } from "../../core/shell.ts";
import { counted, noAgents } from "../agent-subjects.ts";
import { type Check, ofSubjects, type SubjectResult } from "../check.ts";

export const agentsName: Check = {
  id: "agents.name",
  title: "every agent has a name that can start",
  explain: {
    checks:
      "The names of the files in `~/.config/mosaic/fleet/agents`, of the instances of `mosaic-agent@.service` that are loaded or enabled, and of the agents' sessions. A name is 1 to 63 letters, digits, `-` and `_`, and starts with a letter or digit.",
    why: "An agent's name is its unit's instance, its tmux session and its file at once. Anything else is rewritten by one of the three, so that they would not find each other: the start script refuses it (exit 64).",
    mend: "Rename the file with `mv`, then start the agent under its new name. Disable a unit that was enabled under the old name.",
  },
  async run(tools) {
    const { host, paths, redactor } = tools;
    const agents = await tools.agents();
    // What is no text in a name is read as U+FFFD, and the file is not found by that.
    const unnamed = (await host.files.list(paths.agents)).filter(
      (name) =>
        name.endsWith(".env") && name.includes("\uFFFD") && !agents.some((agent) => `${agent.name}.env` === name),
    );
    if (agents.length + unnamed.length === 0) return noAgents;
    const taken = new Set(agents.map(({ name }) => name));
    const server = agents.some(({ name, pane }) => pane !== undefined && !isAgentName(name))
      ? await tools.server()
      : undefined;
    const subjects = agents.map(({ name, unit, file, loaded, enabled, pane }): SubjectResult => {
      if (isAgentName(name)) return { subject: name, status: "pass", message: "can start" };
      const better = allowedName(redactor.redact(name), taken);
      taken.add(better);
      const commands: string[] = [];
      if (file !== undefined) {
        const home = host.user.home;
        commands.push(`mv -n ${shellPath(file.path, home)} ${shellPath(join(paths.agents, `${better}.env`), home)}`);
      }
      if (enabled) commands.push(`systemctl --user disable ${shellWord(unit)}`);
      if (loaded?.active === "failed") commands.push(`systemctl --user reset-failed ${shellWord(unit)}`);
      if (pane !== undefined)
        commands.push(
          `tmux -S ${shellWord(server?.socketPath ?? "")} rename-session -t ${shellWord(`=${name}`)} ${better}`,
        );
      const known = [
        ...(file === undefined ? [] : ["a file"]),
        ...(loaded === undefined && !enabled ? [] : ["a unit"]),
        ...(pane === undefined ? [] : ["a session"]),
      ];
      return {
        subject: name === "" ? ".env" : name,
        status: "fail",
        message: `has ${known.join(" and ")}, but can never start: a name is 1 to 63 letters, digits, - and _, and starts with a letter or digit`,
        evidence: { allowed: better },
        fix: { commands },
      };
    });
    for (const name of unnamed) {
      const [shown, folder] = [name.slice(0, -4), shellPath(paths.agents, host.user.home)];
      const better = allowedName(redactor.redact(shown), taken);
      taken.add(better);
      const pattern = name.split(/\uFFFD+/).map((part) => (part === "" ? "" : shellWord(part)));
      subjects.push({
        subject: shown,
        status: "fail",
        message: "has a file, but can never start: its name is not UTF-8",
        evidence: { allowed: better },
        fix: { commands: [`mv -n ${folder}/${pattern.join("*")} ${folder}/${better}.env`] },
      });
    }
    return ofSubjects(subjects, {
      many: "agents",
      healthy: counted(agents.length, "agent"),
      failing: "names that can never start",
    });
  },
};

/** The same with what is not allowed replaced, and not one that is taken. */
function allowedName(name: string, taken: ReadonlySet<string>): string {
  const plain = name
    .normalize("NFKD")
    .replace(/\p{Mark}/gu, "")
    .replace(/[^A-Za-z0-9_-]+/g, "-")
    .replace(/^[-_]+|-+$/g, "")
    .slice(0, 60);
  const base = plain === "" ? "agent" : plain;
  let allowed = base;
  for (let count = 2; taken.has(allowed); count++) allowed = `${base}-${count}`;
  return allowed;
}
