import type { Output } from "../../core/host.ts";
import { conflicts, keeps } from "../../install/action.ts";
import type { Installed } from "../../install/install.ts";
import { paint } from "./paint.ts";
import { renderPlan } from "./plan.ts";
import { hanging } from "./text.ts";

/** The plan, a line a step, and what became of it. */
export async function renderInstalled(
  output: Output,
  { plan, version, enabled, cutOff, again, applied, outdated, restarted, notes }: Installed,
  options: { home: string; dryRun: boolean; command: "install" | "rollback" },
): Promise<void> {
  const { red, green, yellow, bold } = paint(output);
  await renderPlan(output, plan, { home: options.home, diffs: options.dryRun, cutOff });
  for (const note of notes) output.write(`${yellow("note")}      ${hanging(output, 10, note)}\n`);
  if (conflicts(plan).length > 0) {
    output.write(
      `\n${red("Nothing was written.")} What is in the way is not ours to change: do what is said of it, then: ${again}\n`,
    );
    return;
  }
  const back = options.command === "rollback";
  if (options.dryRun)
    output.write(`\nDry run: nothing was written.${back ? ` This would lay out version ${version}.` : ""}\n`);
  else if (!applied) output.write(`\n${green("Installed already")}, nothing to do.\n`);
  else if (back) output.write(`\n${green(`Rolled back to version ${version}.`)} Back again: mosaic-fleet install\n`);
  else
    output.write(
      `\n${green("Installed.")} Try it: ${bold("mosaic-fleet canary")}\n${enabled ? "" : "To start it at boot:  mosaic-fleet install --enable\n"}`,
    );
  const undecided = keeps(plan).filter(({ kept }) => kept === "undecided").length;
  if (undecided > 0)
    output.write(
      `${yellow(`${undecided} to decide.`)} Yours stays: remove what ends in .mosaic-new. Ours, with yours kept beside it: mosaic-fleet install --take PATH\n`,
    );
  if (restarted.length > 0) output.write(`Restarted: ${restarted.join(", ")}\n`);
  if (outdated.length > 0)
    output.write(
      `${yellow("Still running as before:")} ${outdated.join(", ")}\n  Nothing is restarted unless you say so: ${bold(`mosaic-fleet ${options.command} --restart`)}\n`,
    );
}
