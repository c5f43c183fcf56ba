import { type ExecResult, succeeded } from "../core/exec.ts";
import type { Host } from "../core/host.ts";
import { ToolError } from "./tool-error.ts";

export interface Server {
  readonly pid: number;
  readonly socketPath: string;
  readonly version: string;
}

export interface Pane {
  readonly session: string;
  /** Such as "$3": never used again while the server lives. */
  readonly sessionId: string;
  readonly pid: number;
  readonly dead: boolean;
  readonly created: string;
  /** An agent's own pane, as start-agent-session.sh marks it: not one that somebody opened beside it. */
  readonly agent: boolean;
}

/** One tmux server, by socket name. No call ever founds a server (-N). */
export interface Tmux {
  /** undefined when nothing serves the socket. Throws ToolError when that cannot be told. */
  server(): Promise<Server | undefined>;
  /** All panes of all sessions; empty without a server. Throws ToolError. */
  panes(): Promise<Pane[]>;
  /** Ends exactly this session; a prefix of another name is no match. */
  killSession(name: string): Promise<ExecResult>;
}

const NO_SERVER =
  /no server running on|server exited|lost server|error connecting to .*(No such file|Connection refused)/;
/** What list-panes -a says of a server without a session. */
const NO_SESSION = /no current target/;

export function tmuxOf(host: Pick<Host, "exec">, socket: string | undefined): Tmux {
  // Without -u a locale that is not UTF-8 turns the tabs between fields into "_".
  const tmux = (args: readonly string[]) =>
    host.exec(["tmux", "-u", "-N", ...(socket === undefined ? [] : ["-L", socket]), ...args], {
      timeoutMs: 5_000,
      env: { TMUX: undefined, TMUX_PANE: undefined },
    });
  const rows = async (args: readonly string[], fields: readonly string[]): Promise<string[][] | undefined> => {
    const result = await tmux([...args, fields.map((field) => `#{${field}}`).join("\t")]);
    if (!succeeded(result)) {
      if (result.kind === "exited" && (NO_SERVER.test(result.stderr) || NO_SESSION.test(result.stderr)))
        return undefined;
      throw new ToolError(result);
    }
    return result.stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => {
        const row = line.split("\t");
        if (row.length !== fields.length) throw new ToolError({ ...result, stderr: `unexpected line: ${line}` });
        return row;
      });
  };
  return {
    async server() {
      const row = (await rows(["display-message", "-p"], ["pid", "socket_path", "version"]))?.[0];
      return row && { pid: Number(row[0]), socketPath: row[1] ?? "", version: row[2] ?? "" };
    },
    async panes() {
      const found = await rows(
        ["list-panes", "-a", "-F"],
        ["session_name", "session_id", "pane_pid", "pane_dead", "session_created", "@mosaic_agent"],
      );
      return (found ?? []).map(([session = "", sessionId = "", pid, dead, created = "", agent]) => ({
        session,
        sessionId,
        pid: Number(pid),
        dead: dead === "1",
        created,
        agent: agent === "1",
      }));
    },
    killSession: (name) => tmux(["kill-session", "-t", `=${name}`]),
  };
}

/** "3.3" out of "tmux 3.3a" or "tmux next-3.5"; undefined when there is none. */
export function tmuxVersion(text: string): { readonly major: number; readonly minor: number } | undefined {
  const match = /(\d+)\.(\d+)/.exec(text);
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]) };
}
