import type { Output } from "../../core/host.ts";
import { objectOf, type Plan, type Step } from "../../install/action.ts";
import { type CutOff, describeCutOff } from "../../install/receipt-run.ts";
import { paint } from "./paint.ts";
import { hanging } from "./text.ts";

function word({ action, change }: Step): string {
  if (change === "none") return "as it is";
  return change === "update" && action.kind !== "write-file" ? "run" : change;
}

/** Where the run before was cut off: how far it had got. */
export function renderCutOff(output: Output, cutOff: CutOff | undefined, home: string): void {
  if (cutOff === undefined) return;
  output.write(`${paint(output).yellow("note")}      ${hanging(output, 10, describeCutOff(cutOff, home))}\n`);
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
    output.write(`${color[step.change](word(step).padEnd(9))} ${objectOf(step.action, home)}\n`);
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
