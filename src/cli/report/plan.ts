import type { Output } from "../../core/host.ts";
import { tilde } from "../../core/paths.ts";
import type { Action, Plan, Step } from "../../install/action.ts";
import { paint } from "./paint.ts";
import { hanging } from "./text.ts";

function describe(action: Action, home: string): string {
  switch (action.kind) {
    case "make-folder":
    case "remove-folder":
      return `${tilde(action.path, home)}/`;
    case "write-file":
    case "seed-file":
    case "remove-file":
      return tilde(action.path, home);
    case "keep-copy":
      return `${tilde(action.to, home)} (your version)`;
    case "daemon-reload":
      return "systemctl --user daemon-reload";
    case "linger":
      return `loginctl ${action.on ? "enable" : "disable"}-linger`;
    default:
      return `systemctl --user ${action.kind} ${action.units.join(" ")}`;
  }
}

function word({ action, change }: Step): string {
  if (change === "none") return "as it is";
  return change === "update" && action.kind !== "write-file" ? "run" : change;
}

/** The plan, a line a step; with `diffs`, what becomes of each file. */
export async function renderPlan(
  output: Output,
  plan: Plan,
  { home, diffs }: { home: string; diffs: boolean },
): Promise<void> {
  const shown = diffs ? await import("./diff.ts") : undefined; // a package that is seldom needed
  const { red, green, yellow, dim, bold } = paint(output);
  const color = { none: dim, create: green, update: green, remove: green, keep: yellow, conflict: red };
  for (const step of plan.steps) {
    output.write(`${color[step.change](word(step).padEnd(9))} ${describe(step.action, home)}\n`);
    if (step.change === "keep" || step.change === "conflict")
      output.write(`          Why:  ${hanging(output, 16, step.why)}\n          Next: ${bold(step.next)}\n`);
    const diff = shown?.diffOf(step);
    if (diff === undefined)
      for (const note of step.notes ?? []) output.write(`          ${hanging(output, 10, note)}\n`);
    if (diff !== undefined) shown?.writeDiff(output, diff);
  }
}

/** The steps as they are in a JSON document: no content, but with `diffs` what becomes of each file. */
export async function planDocument(plan: Plan, diffs: boolean): Promise<unknown[]> {
  const shown = diffs ? await import("./diff.ts") : undefined;
  return plan.steps.map(({ was: _, action, ...rest }, index) => {
    const diff = shown?.diffOf(plan.steps[index] as Step);
    return { ...rest, action: { ...action, text: undefined }, ...(diff === undefined ? {} : { diff }) };
  });
}
