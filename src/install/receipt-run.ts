import type { Host, OpenFile } from "../core/host.ts";
import { pathsOf } from "../core/paths.ts";
import { type Action, describeAction } from "./action.ts";
import type { Receipt } from "./receipt-schema.ts";

/**
 * How far a run has got with one thing that it does: a letter in its receipt, written over where it lies. One byte is there
 * or is not: however a run ends, it cannot be half of it.
 */
export const MARK = { ahead: ".", begun: "b", done: "d" } as const;
export type Mark = (typeof MARK)[keyof typeof MARK];

type Run = NonNullable<Receipt["run"]>;

/** What a receipt says of a run that is about to do these things. */
export function runOf(command: Run["command"], actions: readonly Action[]): Run {
  const recorded = actions.map((action): Run["actions"][number] => ({
    kind: action.kind,
    ...("path" in action ? { path: action.path } : {}),
    ...("to" in action ? { to: action.to } : {}),
    ...("units" in action ? { units: [...action.units] } : {}),
    ...("on" in action ? { on: action.on } : {}),
  }));
  return { command, actions: recorded, progress: MARK.ahead.repeat(actions.length) };
}

/**
 * A receipt with what its run has turned on and off until it ended: what is turned on is ours from just before it is, what is
 * turned off until just after.
 */
export function asFarAsItGot(receipt: Receipt): Receipt {
  let { enabled, linger } = receipt;
  for (const [index, { kind, units = [], on = false }] of (receipt.run?.actions ?? []).entries()) {
    const mark = receipt.run?.progress[index];
    const [begun, done] = [mark !== MARK.ahead, mark === MARK.done];
    if (kind === "enable" && begun) enabled = [...new Set([...enabled, ...units])];
    if (kind === "disable" && done) enabled = enabled.filter((unit) => !units.includes(unit));
    if (kind === "linger" && (on ? begun : done)) linger = on;
  }
  return { ...receipt, enabled, linger };
}

/** A run that was cut off, and how far it had got: after a power loss, as far as the disk knows. */
export interface CutOff {
  readonly command: string;
  /** What it was to lay out; of an uninstall, what was laid out. */
  readonly version: string;
  /** The last thing that it had begun, counted from 1; 0 for none. */
  readonly step: number;
  /** How many there were. */
  readonly of: number;
  /** What that was, and whether it was done. */
  readonly action?: Run["actions"][number];
  readonly done: boolean;
}

/** undefined where the last run came to its end, or an earlier version kept no account of it. */
export function cutOff(receipt: Receipt | undefined): CutOff | undefined {
  if (receipt?.phase !== "applying" || receipt.run === undefined) return undefined;
  const { command, actions, progress } = receipt.run;
  // What a run takes back is ahead again.
  const step = [...progress].findLastIndex((mark) => mark !== MARK.ahead) + 1;
  const action = actions[step - 1];
  return {
    command,
    version: receipt.to ?? receipt.version,
    step,
    of: actions.length,
    ...(action === undefined ? {} : { action }),
    done: progress[step - 1] === MARK.done,
  };
}

/** "install of 0.4.0 was cut off at step 7 of 18: write ~/.config/…" */
export function describeCutOff({ command, version, step, of, action, done }: CutOff, home: string): string {
  const run = `${command} of ${version} was cut off`;
  if (action === undefined) return `${run} before the first of its ${of} steps`;
  return `${run} ${done ? "after" : "at"} step ${step} of ${of}: ${describeAction(action, home)}`;
}

/** The receipt on the disk of a run that goes on. */
export interface RunningReceipt {
  /** Has it in its place, as far as the run has got, unless it is there. */
  place(): Promise<void>;
  /** Notes how far the run has got with one thing. Throws what the file system says. */
  mark(index: number, mark: Mark): Promise<void>;
  close(): Promise<void>;
}

/**
 * A mark costs one system call. It need not outlast a power loss, which the receipt itself does: but for what leaves no
 * trace by which a later run could tell that it was ours to undo.
 */
export function runningReceipt(host: Host, receipt: Receipt & { readonly run: Run }): RunningReceipt {
  const { files } = host;
  const { receipt: path } = pathsOf(host);
  const { actions, progress } = receipt.run;
  let text = textOf(receipt);
  // Nothing else in it can read so: in a string its quotes would be escaped.
  const before = `"progress": "`;
  const start = text.indexOf(`${before}${progress}"`) + before.length;
  const startByte = new TextEncoder().encode(text.slice(0, start)).length;
  let open: OpenFile | undefined;
  const close = async () => {
    await open?.close();
    open = undefined;
  };
  return {
    async place() {
      if ((await files.read(path)) === text) return;
      await files.writeAtomic(path, text, 0o600);
      await close();
      open = await files.open(path);
    },
    async mark(index, mark) {
      text = text.slice(0, start + index) + mark + text.slice(start + index + 1);
      await open?.overwrite(startByte + index, mark);
      if (["enable", "disable", "linger"].includes(actions[index]?.kind ?? "")) await open?.sync();
    },
    close,
  };
}

/** A receipt as it is on the disk. */
export function textOf(receipt: Receipt): string {
  return `${JSON.stringify(receipt, null, 2)}\n`;
}
