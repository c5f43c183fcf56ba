import { type ExecResult, succeeded } from "../core/exec.ts";
import type { Host } from "../core/host.ts";
import { saysNoServer, tmuxClient } from "./tmux.ts";
import { ToolError } from "./tool-error.ts";

/** An agent's own pane, as the server has it at one moment. */
export interface AgentPane {
  /** The server's process: pane ids are its own, and begin anew with another one. */
  readonly server: number;
  readonly session: string;
  /** Such as "%5". */
  readonly id: string;
  /** Of the pane's first program. */
  readonly pid: number;
  readonly dead: boolean;
  /** Such as "/dev/pts/3". */
  readonly tty: string;
  readonly width: number;
  readonly height: number;
  /** Counted from 0. */
  readonly cursor: { readonly column: number; readonly row: number; readonly shown: boolean };
  /** The program draws on the second screen, which has no scrollback: a full-screen program. */
  readonly fullScreen: boolean;
  /** Rows that have left the screen at the top, and how many of these are kept. */
  readonly scrollback: number;
  readonly scrollbackLimit: number;
  /** Somebody has cut its keyboard off (select-pane -d): tmux drops what is pasted. */
  readonly inputOff: boolean;
}

const FIELDS = [
  ...["pid", "session_name", "@mosaic_agent", "pane_id", "pane_pid", "pane_dead", "pane_tty", "pane_width"],
  ...["pane_height", "cursor_x", "cursor_y", "cursor_flag", "alternate_on", "history_size", "history_limit"],
  "pane_input_off",
];
const FORMAT = FIELDS.map((field) => `#{${field}}`).join("\t");

/** The second of a server without any session. */
const NOT_THERE = /can't find (session|window|pane)|no current target/;

/** A part of what a pane shows, from a row (0 is the top of the screen, -1 the last one above it) to its last row. */
export interface Capture {
  readonly from: number;
  /** One that was broken at the right edge is one line again. */
  readonly joined?: boolean;
  /** With the blanks at the ends of rows, which may have a colour; before tmux 3.4 not those that were only erased. */
  readonly whole?: boolean;
  /** With escape sequences. */
  readonly colours?: boolean;
  /** Of the screen beneath a full-screen program; nothing where there is none. */
  readonly beneath?: boolean;
}

/** Agents' panes on one server. Methods throw ToolError where something cannot be told. */
export interface AgentPanes {
  /** The agent's own pane in its session; undefined without server, session or pane. */
  find(session: string): Promise<AgentPane | undefined>;
  /** The pane as it is now, with the lines of each capture, all of one moment; undefined when it is not there any more. */
  look(
    pane: AgentPane,
    captures: readonly Capture[],
  ): Promise<{ readonly pane: AgentPane; readonly captured: readonly (readonly string[])[] } | undefined>;
  /**
   * Types into the pane, as one paste, to `pane`'s very process: a mode in which somebody looks at the scrollback is left, since in
   * it tmux would lose the brackets. "refused": nothing was typed, since the process is another one, dead, or cut off; "no-enter":
   * it became so before Enter.
   */
  paste(pane: AgentPane, bytes: Uint8Array, options: PasteOptions): Promise<"pasted" | "refused" | "no-enter">;
}

export interface PasteOptions {
  /** Ends with Enter, so many milliseconds after the text. */
  readonly enterAfterMs: number | undefined;
  /** A file: no other paste that names it comes between text and Enter. */
  readonly lock: string;
  readonly cancelled: AbortSignal;
  /** Milliseconds for all of it, the wait for the lock included. */
  readonly limitMs: number;
}

export function agentPanesOf(host: Pick<Host, "exec">, socketPath: string): AgentPanes {
  const target = ["-S", socketPath];
  const tmux = tmuxClient(host, target);
  const failed = (result: ExecResult, verb: string) => new ToolError({ ...result, argv: ["tmux", ...target, verb] });
  return {
    async find(session) {
      const filter = ["-f", "#{@mosaic_agent}", "-F", FORMAT];
      const result = await tmux(["list-panes", "-s", "-t", `=${session}:`, ...filter]);
      if (!succeeded(result)) {
        if (saysNoServer(result) || NOT_THERE.test(result.stderr)) return undefined;
        throw failed(result, "list-panes");
      }
      return paneOf(result.stdout.split("\n")[0] ?? "");
    },
    async look(pane, captures) {
      const mark = crypto.randomUUID(); // what a pane shows can hold any other line
      const commands = captures.flatMap((capture) => [
        ...[";", "display-message", "-p", mark],
        ...[";", "capture-pane", "-p", "-t", pane.id, "-S", String(capture.from), ...flagsOf(capture)],
      ]);
      const result = await tmux(["display-message", "-p", "-t", pane.id, FORMAT, ...commands]);
      if (!succeeded(result)) {
        if (saysNoServer(result) || NOT_THERE.test(result.stderr)) return undefined;
        throw failed(result, "capture-pane");
      }
      const [first = "", ...captured] = result.stdout.split(`${mark}\n`);
      const now = paneOf(first.trimEnd());
      if (now?.server !== pane.server || now.id !== pane.id || now.session !== pane.session) return undefined;
      return { pane: now, captured: captured.map((text) => text.split("\n").slice(0, -1)) };
    },
    async paste(pane, bytes, { enterAfterMs, lock, cancelled, limitMs }) {
      const buffer = `mosaic-${crypto.randomUUID()}`;
      // 3.3 dies of a paste into a dead pane: looked at within the server, in the same breath.
      const same = `#{&&:#{==:#{pane_pid},${pane.pid}},#{&&:#{==:#{pane_dead},0},#{==:#{pane_input_off},0}}}`;
      const ifSame = ["if-shell", "-F", "-t", pane.id, same];
      const typed = (brackets: string, said: string) =>
        `copy-mode -q -t ${pane.id} ; paste-buffer ${brackets} -r -d -b ${buffer} -t ${pane.id} ; display-message -p ${said}`;
      const discarded = `delete-buffer -b ${buffer}`;
      // Not by send-keys: that is a key for the mode, where somebody has entered one meanwhile.
      const enter = [
        ...[";", "run-shell", "-d", String((enterAfterMs ?? 0) / 1000), ";", "set-buffer", "-b", buffer, "\r", ";"],
        ...[...ifSame, typed("", "entered"), discarded],
      ];
      const commands = [
        ...["load-buffer", "-b", buffer, "-", ";", ...ifSame, typed("-p", "pasted"), discarded],
        ...(enterAfterMs === undefined ? [] : enter),
      ];
      const argv = ["flock", lock, "tmux", "-u", "-N", ...target, ...commands];
      const env = { TMUX: undefined, TMUX_PANE: undefined };
      const result = await host.exec(argv, { input: bytes, timeoutMs: limitMs, cancelled, env });
      const said = result.stdout.split("\n");
      if (said.includes("entered") || (said.includes("pasted") && enterAfterMs === undefined)) return "pasted";
      if (said.includes("pasted")) return "no-enter";
      if (succeeded(result) || saysNoServer(result)) return "refused";
      await tmux(["delete-buffer", "-b", buffer]); // it may be secret
      if (NOT_THERE.test(result.stderr)) return "refused";
      throw failed(result, "paste-buffer");
    },
  };
}

function flagsOf({ joined, whole, colours, beneath }: Capture): string[] {
  return [
    ...(joined ? ["-J"] : []),
    ...(whole ? ["-N"] : []),
    ...(colours ? ["-e"] : []),
    ...(beneath ? ["-a", "-q"] : []),
  ];
}

/** undefined for a line that is not that of an agent's own pane. */
function paneOf(line: string): AgentPane | undefined {
  const row = line.split("\t");
  const [server, session = "", agent, id = "", pid, dead, tty = "", width, height, column, line_, shown] = row;
  const [fullScreen, scrollback, scrollbackLimit, inputOff] = row.slice(12);
  if (row.length !== FIELDS.length || agent !== "1") return undefined;
  return {
    ...{ server: Number(server), session, id, pid: Number(pid), dead: dead === "1", tty },
    ...{ width: Number(width), height: Number(height), fullScreen: fullScreen === "1", inputOff: inputOff === "1" },
    cursor: { column: Number(column), row: Number(line_), shown: shown === "1" },
    ...{ scrollback: Number(scrollback), scrollbackLimit: Number(scrollbackLimit) },
  };
}
