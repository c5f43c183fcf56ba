import { join } from "node:path";
import { procfsOf, type TerminalReader } from "../adapters/procfs.ts";
import type { AgentPane } from "../adapters/tmux-pane.ts";
import { LONGEST_LINE, type TerminalProbe, terminalProbe } from "../adapters/tty.ts";
import { FleetError } from "../core/errors.ts";
import { EXIT, type SendVerdict } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { pathsOf } from "../core/paths.ts";
import { shellWord } from "../core/shell.ts";
import { longestLine, textProblem } from "../core/typed-text.ts";
import { until } from "../core/until.ts";
import { demandPane, type FoundPane } from "./agent-pane.ts";

export interface SendOptions {
  /** Ends with the key Enter. */
  readonly enter: boolean;
  /** Milliseconds to wait for evidence that the program took it; undefined: nobody asks. */
  readonly verifyMs: number | undefined;
}

export interface Sent {
  readonly verdict: SendVerdict;
  readonly bytes: number;
  /** Of what is unverifiable. */
  readonly why?: string;
}

/** A program without bracketed paste tells typing from pasting by what comes in one read: Enter comes in the next. */
const ENTER_AFTER_MS = 50;
/** For tmux to hand all of it to the terminal; a program that does not read keeps it from that, and is seen by that. */
const HANDED_OVER_MS = 50;
/** Other senders are waited for, a slow server too. */
const LIMIT_MS = 60_000;

const WHAT = "Nothing was sent";

/**
 * Types a text into an agent's program, as one paste, then Enter. Throws FleetError: 64 for what is no text, 69 where no
 * program is there to take it, 1 where it died before Enter.
 */
export async function sendText(host: Host, name: string, bytes: Uint8Array, options: SendOptions): Promise<Sent> {
  const problem = textProblem(bytes);
  if (problem !== undefined) {
    const { why, next } = problem;
    throw new FleetError(
      EXIT.usage,
      WHAT,
      why,
      next === undefined ? [] : [`${next} <FILE | mosaic-fleet agent send ${name} -`],
    );
  }
  if (bytes.length === 0)
    throw new FleetError(EXIT.usage, WHAT, "the text is empty", [`mosaic-fleet agent send ${name} TEXT`]);
  const found = await demandPane(host, name, WHAT);
  mustTakeInput(found);
  const { panes, pane } = found;
  const long = longestLine(bytes) > LONGEST_LINE;
  const probe = long || options.verifyMs !== undefined ? await terminalProbe() : undefined;
  if (long && probe?.(pane.tty)?.lines)
    throw new FleetError(
      EXIT.usage,
      WHAT,
      `its program reads line by line, and of a line of ${longestLine(bytes)} bytes the kernel would lose all after ${LONGEST_LINE}`,
      ["break the line, or put it in a file and send the file's name"],
    );
  const procfs = procfsOf(host);
  const before = await procfs.terminalReaders(pane.pid);
  const outcome = await panes.paste(pane, bytes, {
    enterAfterMs: options.enter ? ENTER_AFTER_MS : undefined,
    lock: join(pathsOf(host).runtime ?? "", "mosaic-agent", `.send-${name}`),
    cancelled: host.interrupted,
    limitMs: LIMIT_MS,
  });
  if (outcome === "refused") mustTakeInput(await demandPane(host, name, WHAT), pane.pid);
  if (outcome === "no-enter")
    throw new FleetError(EXIT.broken, "The text was sent, but not Enter", "its program ended meanwhile", [
      `mosaic-fleet agent logs ${name}`,
    ]);
  const sent = { bytes: bytes.length };
  if (options.verifyMs === undefined) return { ...sent, verdict: "sent" };
  const typed = bytes.length + (options.enter ? 1 : 0);
  const why = await problemOfTaking(host, { pane, before, typed, probe, limitMs: options.verifyMs });
  return why === undefined ? { ...sent, verdict: "accepted" } : { ...sent, verdict: "unverifiable", why };
}

/** Throws FleetError (69) where nothing that is typed would arrive, or only at another process than this one. */
function mustTakeInput({ pane, socketPath }: FoundPane, only = pane.pid): void {
  const { dead, inputOff, session, pid, id } = pane;
  const refuse = (why: string, next: string) => {
    throw new FleetError(EXIT.unavailable, WHAT, why, [next]);
  };
  if (dead) refuse(`the program of ${session} has ended`, `mosaic-fleet agent start ${session}`);
  if (inputOff)
    refuse("somebody has cut off the keyboard of its pane", `tmux -S ${shellWord(socketPath)} select-pane -e -t ${id}`);
  if (pid !== only) refuse(`${session} was just started anew`, "send it again");
}

interface Taking {
  readonly pane: AgentPane;
  readonly before: readonly TerminalReader[];
  /** Bytes, at least. */
  readonly typed: number;
  readonly probe: TerminalProbe | undefined;
  readonly limitMs: number;
}

/**
 * Why there is no evidence that the program took what was typed; undefined when there is: nothing of it lies at the
 * terminal any more, and those who may read there have read as many bytes since. One of the two would not do: input can
 * be thrown away (tcflush), and a program that never looks at its terminal may read files. What is on the screen is no
 * evidence, since the kernel itself shows there what is typed.
 */
async function problemOfTaking(
  host: Host,
  { pane, before, typed, probe, limitMs }: Taking,
): Promise<string | undefined> {
  if (probe === undefined) return "this machine does not let it be told what lies unread at a terminal";
  const procfs = procfsOf(host);
  const earlier = new Map(before.map(({ pid, bytesRead }) => [pid, bytesRead]));
  const started = await procfs.startTime(pane.pid);
  await host.pause(HANDED_OVER_MS, host.interrupted);
  let why = "";
  const taken = await until(host, limitMs, async () => {
    if (host.interrupted.aborted) return true;
    const input = probe(pane.tty);
    const readers = await procfs.terminalReaders(pane.pid);
    if (input === undefined || readers.length === 0 || (await procfs.startTime(pane.pid)) !== started) {
      why = "its program has ended, or cannot be looked at";
      return undefined;
    }
    const counted = readers.filter(({ bytesRead }) => bytesRead !== undefined);
    const read = counted.reduce((sum, { pid, bytesRead = 0 }) => sum + bytesRead - (earlier.get(pid) ?? 0), 0);
    const who = readers.map(({ name, pid }) => `${name} (pid ${pid})`).join(", ");
    if (input.unread > 0) why = `${input.unread} bytes lie unread at its terminal, where ${who} may read`;
    else if (counted.length === 0) why = `what ${who} reads is not ours to know`;
    else if (read < typed) why = `${who} has read ${Math.max(0, read)} bytes since, of ${typed}`;
    else return true;
    return undefined;
  });
  if (host.interrupted.aborted) return "interrupted";
  return taken === undefined ? why : undefined;
}
