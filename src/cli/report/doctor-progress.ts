import type { Output } from "../../core/host.ts";
import type { PlannedFix } from "../../doctor/fix.ts";
import type { DoctorReport } from "../../doctor/report.ts";
import { seconds } from "../duration.ts";
import { tally } from "./doctor-words.ts";
import { paint } from "./paint.ts";

/** What --fix would do, and for which check. */
export function renderPlan(output: Output, planned: readonly PlannedFix[]): void {
  const { bold, dim } = paint(output);
  output.write(
    planned.length === 0 ? "Nothing that was found can be mended by doctor itself.\n" : "This can be mended:\n",
  );
  for (const { command, for: ids } of planned) output.write(`  ${bold(command)}  ${dim(`(${ids.join(", ")})`)}\n`);
}

/** A line that says what is still not well while it is waited; only on a terminal. */
export function renderWaiting(
  output: Output,
  limitMs: number,
): { looked(report: DoctorReport, waitedMs: number): void; done(): void } {
  const clear = () => output.write("\r\x1b[K");
  if (!output.isTTY) return { looked: () => undefined, done: () => undefined };
  return {
    looked(report, waitedMs) {
      clear();
      const line = `waiting, ${seconds(waitedMs)} of ${seconds(limitMs)}: ${tally(report.checks)}`;
      output.write(line.slice(0, output.columns - 1));
    },
    done: clear,
  };
}
