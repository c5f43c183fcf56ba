import type { Output } from "../../core/host.ts";
import { objectOf, type Plan, type Step } from "../../install/action.ts";
import { type CutOff, describeCutOff } from "../../install/receipt-run.ts";
import type { ShownFile } from "../../install/site.ts";
import { paint } from "./paint.ts";
import { hanging, typed } from "./text.ts";

function word({ action, change }: Step): string {
  if (change === "none") return "as it is";
  return change === "update" && action.kind !== "write-file" ? "run" : change;
}

/** Where the run before was cut off: how far it had got. */
function renderCutOff(output: Output, cutOff: CutOff | undefined, home: string): void {
  if (cutOff === undefined) return;
  output.write(`${paint(output).yellow("note")}      ${hanging(output, 10, describeCutOff(cutOff, home))}\n`);
}

interface PlanView {
  readonly home: string;
  readonly diffs: boolean;
  /** The run before, where it was cut off. */
  readonly cutOff: CutOff | undefined;
  /** The user's files that go, too: with `diffs`. */
  readonly site?: readonly ShownFile[] | undefined;
}

/**
 * The plan, a line a step. With `diffs` what becomes of each file comes first, since it is long: what is to be decided about is
 * at the end of the screen.
 */
export async function renderPlan(output: Output, plan: Plan, { home, diffs, cutOff, site }: PlanView): Promise<void> {
  const shown = diffs ? await import("./diff.ts") : undefined; // a package that is seldom needed
  const found = plan.steps.map((step) => shown?.diffOf(step) ?? "");
  const all = [...found, ...(await siteDiffs(site)).map(({ diff }) => diff)].filter((diff) => diff !== "");
  for (const diff of all) shown?.writeDiff(output, diff);
  if (all.length > 0) output.write("\n");
  renderCutOff(output, cutOff, home);
  const { red, green, yellow, dim } = paint(output);
  const color = { none: dim, create: green, update: green, remove: green, keep: yellow, conflict: red };
  for (const [index, step] of plan.steps.entries()) {
    const stat = shown?.statOf(found[index] ?? "") ?? "";
    const line = `${color[step.change](word(step).padEnd(9))} ${objectOf(step.action, home)}`;
    output.write(`${line}${stat === "" ? "" : `  ${dim(stat)}`}\n`);
    if (step.change === "keep" || step.change === "conflict")
      output.write(
        `          Why:  ${hanging(output, 16, step.why)}\n          Next: ${typed(output, 16, step.next)}\n`,
      );
    for (const note of step.notes ?? []) output.write(`          ${hanging(output, 10, note)}\n`);
  }
}

/** The steps as they are in a JSON document: no content, but with `diffs` what becomes of each file. */
export async function planDocument(plan: Plan, diffs: boolean): Promise<unknown[]> {
  const shown = diffs ? await import("./diff.ts") : undefined;
  return plan.steps.map(({ was: _, action, ...rest }, index) => {
    const diff = shown?.diffOf(plan.steps[index] as Step) ?? "";
    return { ...rest, action: { ...action, text: undefined }, ...(diff === "" ? {} : { diff }) };
  });
}

/** What a purge would take of the user's files, keys hidden. */
export async function siteDiffs(site: readonly ShownFile[] = []): Promise<{ path: string; diff: string }[]> {
  if (site.length === 0) return [];
  const { removalOf } = await import("./diff.ts");
  return site.map((file) => ({ path: file.path, diff: removalOf(file) }));
}
