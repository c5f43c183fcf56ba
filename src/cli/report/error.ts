import { describeError, FleetError } from "../../core/errors.ts";
import { EXIT, type ExitCode } from "../../core/exit.ts";
import type { Host } from "../../core/host.ts";
import { visible } from "../../core/visible.ts";
import { paint } from "./paint.ts";
import { hanging, typed } from "./text.ts";

/** What failed, why, and what to type next, on stderr: with nothing of what was read or typed that a terminal obeys. Returns the exit code that goes with it. */
export function renderError(host: Pick<Host, "stderr">, error: unknown): ExitCode {
  const { red } = paint(host.stderr);
  if (!(error instanceof FleetError)) {
    host.stderr.write(`${red("mosaic-fleet:")} a defect of this program: ${visible(describeError(error))}\n`);
    return EXIT.software;
  }
  host.stderr.write(
    `${red(hanging(host.stderr, 0, `${visible(error.what)}.`))}\n  Why:  ${hanging(host.stderr, 8, visible(error.why))}\n`,
  );
  error.next.forEach((line, index) => {
    host.stderr.write(`  ${index === 0 ? "Next:" : "     "} ${typed(host.stderr, 8, visible(line))}\n`);
  });
  return error.exit;
}
