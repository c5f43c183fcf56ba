import type { Output } from "../../core/host.ts";
import { visible } from "../../core/visible.ts";
import type { Outdated } from "../../fleet/roster-apply.ts";
import type { AgentPlan, Difference } from "../../fleet/roster-plan.ts";
import { paint } from "./paint.ts";

const WORDS = { add: "add", change: "change", none: "", remove: "remove", stay: "stays" } as const;

/** What is to become of each agent, a line a setting; those that are as the roster says are counted. */
export function renderRosterPlan(output: Output, plan: readonly AgentPlan[]): void {
  const { red, green, yellow, dim, bold } = paint(output);
  const colour = { add: green, change: green, none: dim, remove: red, stay: yellow };
  for (const { name, does, differences, missing, life } of plan) {
    if (does === "none") continue;
    output.write(`${colour[does](WORDS[does].padEnd(8))} ${bold(name)}${besides(does, life.runs)}\n`);
    for (const difference of differences) output.write(`           ${differenceText(difference)}\n`);
    if (missing.length > 0)
      output.write(
        `           ${yellow("not there yet:")} ${missing.join(", ")}, which the roster leaves in its file\n`,
      );
  }
  const same = plan.filter(({ does }) => does === "none").length;
  if (same > 0) output.write(`${dim(`${same} ${same === 1 ? "agent is" : "agents are"} as the roster says.`)}\n`);
}

function besides(does: AgentPlan["does"], runs: boolean): string {
  if (does === "stay") return ": is not in the roster; --prune removes it";
  if (does === "remove") return runs ? ": is not in the roster; it runs, and is stopped" : ": is not in the roster";
  return "";
}

function differenceText({ setting, was, becomes }: Difference): string {
  if (was === null) return visible(`${setting}: ${becomes}`);
  return visible(`${setting}: ${becomes ?? "not set"} (was ${was})`);
}

/** Agents that go on with earlier settings until somebody restarts them. */
export function renderOutdated(output: Output, outdated: readonly Outdated[]): void {
  const { yellow, bold } = paint(output);
  if (outdated.length === 0) return;
  output.write(`${yellow("These run with earlier settings, and go on with them:")}\n`);
  for (const { name, settings } of outdated) output.write(`  ${name}: ${settings.join(", ")}\n`);
  const names = outdated.map(({ name }) => name);
  output.write(`To start them anew: ${bold(`mosaic-fleet agent restart ${names.join(" ")}`)}\n`);
}
