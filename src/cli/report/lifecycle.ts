import type { Output } from "../../core/host.ts";
import { visible } from "../../core/visible.ts";
import type { AgentResult } from "../../fleet/lifecycle.ts";
import { paint } from "./paint.ts";
import { hanging } from "./text.ts";

/** A line that says how far it is; only on a terminal. */
export function renderProgress(output: Output): { at(done: number, of: number): void; done(): void } {
  const clear = () => (output.isTTY ? output.write("\r\x1b[K") : undefined);
  return {
    at(done, of) {
      clear();
      output.write(`${done} of ${of}`);
    },
    done: clear,
  };
}

/** A line for each agent. */
export function renderResults(output: Output, results: readonly AgentResult[]): void {
  const { red, green } = paint(output);
  if (results.length === 0) output.write("There is no agent.\n");
  for (const { name, outcome, message } of results) {
    const said = hanging(output, 8, `${name}: ${visible(message)}`);
    output.write(`${outcome === "ok" ? green("ok    ") : red("FAILED")}  ${said}\n`);
  }
}
