import { dirname, resolve } from "node:path";
import { describeError, FleetError } from "../../core/errors.ts";
import { EXIT } from "../../core/exit.ts";
import type { Host } from "../../core/host.ts";
import { shellWord } from "../../core/shell.ts";
import { jsonSchemaOfRoster, type RosterProblem, readRoster } from "../../fleet/roster.ts";
import { applyPlan, runningOutdated } from "../../fleet/roster-apply.ts";
import { readValueFiles } from "../../fleet/roster-files.ts";
import { findAgents } from "../../fleet/roster-found.ts";
import { type AgentPlan, planRoster } from "../../fleet/roster-plan.ts";
import { defineCommand, UsageError } from "../command.ts";
import { layoutArgs, printJson, withProblem } from "../layout.ts";
import { renderProgress, renderResults } from "../report/lifecycle.ts";
import { renderOutdated, renderRosterPlan } from "../report/roster.ts";

const NOTHING = "Nothing was changed";

export const command = defineCommand({
  name: "apply",
  summary:
    "Brings agents to what a roster file says: shows what that changes, asks, does it. Nothing that runs is restarted.",
  args: {
    file: { type: "string", alias: "f", valueHint: "FILE|-", description: "the roster, YAML; - reads stdin" },
    prune: { type: "boolean", description: "remove agents that are not in the roster; their settings are kept aside" },
    "dry-run": { type: "boolean", description: "show what would be done, and do nothing" },
    yes: layoutArgs.yes,
    output: layoutArgs.output,
    schema: { type: "boolean", description: "print the JSON Schema of a roster, for editors" },
  },
  completes: { file: "file" },
  examples: [
    ["mosaic-fleet apply -f fleet.yaml --dry-run", "what it would change, agent by agent"],
    ["mosaic-fleet apply -f fleet.yaml", "show that, ask, do it"],
    ["mosaic-fleet apply -f fleet.yaml --prune --yes", "for a script; agents that are not in it are removed"],
    [
      "mosaic-fleet apply --schema >roster.schema.json",
      "for an editor: # yaml-language-server: $schema=roster.schema.json",
    ],
  ],
  exits: [
    [EXIT.ok, "the agents are as the roster says, or with --dry-run: it was shown"],
    [EXIT.broken, "not all of them, each is named, and why; or you said no, and nothing was changed"],
    [EXIT.usage, "wrong usage"],
    [EXIT.unavailable, "nobody to ask, a key that is to be there is not, or the user manager cannot be reached"],
    [EXIT.oserr, "settings are written, but systemd refuses to read them"],
    [
      EXIT.config,
      "the roster, or an agent's file, cannot be read: each line that is wrong is named; nothing is changed",
    ],
    [EXIT.interrupted, "interrupted; what systemd was told to do, it does"],
  ],
  async run(host, args) {
    if (args.schema) {
      if (args.file !== undefined) throw new UsageError("--schema takes no file");
      host.stdout.write(`${JSON.stringify(jsonSchemaOfRoster(), null, 2)}\n`);
      return EXIT.ok;
    }
    const { file } = args;
    if (file === undefined) throw new UsageError("needs -f FILE");
    const human = args.output === "human";
    const again = `mosaic-fleet apply -f ${shellWord(file)}${args.prune ? " --prune" : ""}`;
    return withProblem(host, human, async () => {
      const plan = await planFrom(host, file, args.prune ?? false);
      if (human) renderRosterPlan(host.stdout, plan);
      const doing = plan.filter(({ does }) => does !== "none" && does !== "stay");
      const asked =
        args["dry-run"] || doing.length === 0 || (await agreed(host, doing, { human, again, yes: args.yes }));
      if (!asked) {
        host.stdout.write("Nothing was changed.\n");
        return EXIT.broken;
      }
      const applied = !args["dry-run"];
      const complete = await withMissing(host, plan, { ask: applied && human, again });
      const progress = renderProgress(host.stderr);
      const watching = host.stderr.isTTY ? { onProgress: progress.at } : {};
      const results = applied ? await applyPlan(host, complete, watching).finally(progress.done) : [];
      const outdated = await runningOutdated(host, namesIn(plan));
      if (human) {
        if (doing.length === 0) host.stdout.write("Nothing to do.\n");
        if (results.length > 0) renderResults(host.stdout, results);
        renderOutdated(host.stdout, outdated);
      } else printJson(host, { applied, agents: documentOf(plan, results), outdated });
      return results.every(({ outcome }) => outcome === "ok") ? EXIT.ok : EXIT.broken;
    });
  },
});

async function planFrom(host: Host, file: string, prune: boolean): Promise<AgentPlan[]> {
  const text = readRoster(await readText(host, file));
  if ("problems" in text) throw refused(file, text.problems);
  const { values, problems } = await readValueFiles(host, text, file === "-" ? resolve(".") : dirname(resolve(file)));
  if (problems.length > 0) throw refused(file, problems);
  return planRoster(text.roster, await findAgents(host, NOTHING, [...text.roster.keys()]), values, {
    prune,
    home: host.user.home,
  });
}

async function readText(host: Host, file: string): Promise<string> {
  const next = [file === "-" ? "mosaic-fleet apply --help" : `ls -ld ${shellWord(file)}`];
  const refuse = (why: string, instead = next) => new FleetError(EXIT.config, NOTHING, `${file}: ${why}`, instead);
  try {
    const bytes = await host.input(file);
    if (bytes !== undefined) return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if ((error as { code?: string }).code === "EISDIR")
      throw refuse("is a folder; a roster is a file", [`ls ${shellWord(file)}   # which is meant?`]);
    throw refuse(error instanceof TypeError ? "is no text in UTF-8" : describeError(error));
  }
  throw refuse("there is no such file");
}

function refused(file: string, problems: readonly RosterProblem[]): FleetError {
  const lines = problems.map(
    ({ line, field, message }) => `line ${line}: ${field === "" ? "" : `${field} `}${message}`,
  );
  const what = file === "-" ? "The roster is not taken" : `${file} is not taken`;
  return new FleetError(EXIT.config, what, lines.join("\n        "), ["mosaic-fleet apply --help"]);
}

/** Whether what is shown is wanted. Throws FleetError where there is nobody to ask. */
async function agreed(
  host: Host,
  doing: readonly AgentPlan[],
  { human, again, yes }: { readonly human: boolean; readonly again: string; readonly yes: boolean | undefined },
): Promise<boolean> {
  if (yes) return true;
  const stopped = doing.filter(({ does, state, life }) => state === "stop" || (does === "remove" && life.runs)).length;
  const stops = stopped === 0 ? "" : `, which stops ${stopped} ${stopped === 1 ? "agent" : "agents"}`;
  const answer = human ? await host.ask(`Apply this${stops}? [y/N] `) : undefined;
  if (answer !== undefined) return answer;
  throw new FleetError(EXIT.unavailable, NOTHING, "there is nobody to ask", [`${again} --yes`]);
}

/** The plan with every key that is to be there: asked for where it is not. Throws FleetError where nobody answers. */
async function withMissing(
  host: Host,
  plan: readonly AgentPlan[],
  { ask, again }: { readonly ask: boolean; readonly again: string },
): Promise<AgentPlan[]> {
  const complete: AgentPlan[] = [];
  for (const agent of plan) {
    const variables = new Map(agent.changes.variables);
    for (const key of agent.missing) {
      const value = ask ? await host.askSecret(`${agent.name}: ${key} (not shown): `) : undefined;
      if (value === undefined) throw missing(plan, again);
      variables.set(key, value);
    }
    complete.push({ ...agent, changes: { ...agent.changes, variables } });
  }
  return complete;
}

function missing(plan: readonly AgentPlan[], again: string): FleetError {
  const lacking = plan.filter((agent) => agent.missing.length > 0);
  const lines = lacking.map((agent) => `${agent.name} has no ${agent.missing.join(" and no ")} in its file`);
  const next = lacking.map(({ name, does, missing: keys }) => {
    const verb = does === "add" ? "add" : "edit";
    return `mosaic-fleet agent ${verb} ${name} ${keys.map((key) => `--env ${key}`).join(" ")}`;
  });
  return new FleetError(EXIT.unavailable, NOTHING, lines.join("\n        "), [
    ...next.slice(0, 5),
    `${again}   # at a terminal: asks for them`,
  ]);
}

function namesIn(plan: readonly AgentPlan[]): string[] {
  return plan.filter(({ does }) => does !== "remove" && does !== "stay").map(({ name }) => name);
}

function documentOf(plan: readonly AgentPlan[], results: readonly { readonly name: string }[]): object[] {
  const byName = new Map(results.map((result) => [result.name, result]));
  return plan.map(({ name, does, differences, missing }) => ({
    name,
    does,
    differences,
    missing,
    ...byName.get(name),
  }));
}
