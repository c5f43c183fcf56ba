import { EXIT } from "../core/exit.ts";
import type { Output } from "../core/host.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** NO_COLOR beats FORCE_COLOR beats what the terminal is; an empty variable counts as not set. */
export function wantsColor(env: Environment, isTTY: boolean): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== "0";
  return isTTY && env.TERM !== "dumb";
}

/** What was to be told cannot be: that is said, and the exit code is ours. A reader that went away (| head) is no error. */
export function writeFailed(error: unknown): void {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "EPIPE" || process.exitCode === EXIT.ioerr) return;
  process.exitCode = EXIT.ioerr;
  process.stderr.write(`mosaic-fleet: stdout cannot be written: ${message}\n`);
}

/** A stream as an Output. */
export function outputOf(stream: NodeJS.WriteStream, env: Environment, failed: (error: unknown) => void): Output {
  stream.on("error", failed);
  const isTTY = stream.isTTY === true;
  return {
    isTTY,
    columns: isTTY && stream.columns > 0 ? stream.columns : 80,
    color: wantsColor(env, isTTY),
    write: (text) => void stream.write(text),
  };
}
