import type { Output } from "../core/host.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** NO_COLOR beats FORCE_COLOR beats what the terminal is; an empty variable counts as not set. */
export function wantsColor(env: Environment, isTTY: boolean): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== "0";
  return isTTY && env.TERM !== "dumb";
}

/** A stream as an Output. A reader that went away (| head) is no error. */
export function outputOf(stream: NodeJS.WriteStream, env: Environment): Output {
  stream.on("error", () => undefined);
  const isTTY = stream.isTTY === true;
  return {
    isTTY,
    columns: isTTY && stream.columns > 0 ? stream.columns : 80,
    color: wantsColor(env, isTTY),
    write: (text) => void stream.write(text),
  };
}
