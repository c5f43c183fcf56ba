import type { Output } from "../../core/host.ts";
import { tilde } from "../../core/paths.ts";
import type { Action, Step } from "../../install/action.ts";
import type { Installed } from "../../install/install.ts";
import { paint } from "./paint.ts";

function describe(action: Action, home: string): string {
  switch (action.kind) {
    case "make-folder":
      return `${tilde(action.path, home)}/`;
    case "write-file":
      return tilde(action.path, home);
    case "daemon-reload":
      return "systemctl --user daemon-reload";
    case "enable":
      return `systemctl --user enable ${action.unit}`;
    case "start":
      return `systemctl --user start ${action.unit}`;
  }
}

function word(step: Step): string {
  if (step.change === "create" || step.change === "conflict") return step.change;
  if (step.change === "none") return "as it is";
  return step.action.kind === "write-file" ? "update" : "run";
}

/** The plan, a line a step, and what became of it. */
export function renderInstalled(
  output: Output,
  { plan, applied }: Installed,
  options: { home: string; dryRun: boolean; enable: boolean },
): void {
  const { red, green, dim, bold } = paint(output);
  const color = { none: dim, create: green, update: green, conflict: red };
  let conflicts = 0;
  for (const step of plan.steps) {
    output.write(`${color[step.change](word(step).padEnd(9))} ${describe(step.action, options.home)}\n`);
    if (step.change !== "conflict") continue;
    conflicts++;
    output.write(`          Why:  ${step.why}\n          Next: ${bold(step.next)}\n`);
  }
  if (conflicts > 0)
    output.write(
      `\n${red("Nothing was written.")} What is in the way is not ours to replace: move it, then: mosaic-fleet install\n`,
    );
  else if (options.dryRun) output.write("\nDry run: nothing was written.\n");
  else if (!applied) output.write(`\n${green("Installed already")}, nothing to do.\n`);
  else
    output.write(
      `\n${green("Installed.")} Try it: ${bold("mosaic-fleet canary")}\n${options.enable ? "" : "To start it at boot:  mosaic-fleet install --enable\n"}`,
    );
}
