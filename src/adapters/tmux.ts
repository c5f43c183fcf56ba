import { join } from "node:path";
import { type ExecOptions, type ExecResult, succeeded } from "../core/exec.ts";
import type { Host } from "../core/host.ts";
import { ToolError } from "./tool-error.ts";

export interface Server {
  readonly pid: number;
  readonly socketPath: string;
  readonly version: string;
}

/** How a program ended: by itself, or by a signal. */
export type ProgramEnd = { readonly status: number } | { readonly signal: number };

export interface Pane {
  readonly session: string;
  /** Such as "$3": never used again while the server lives. */
  readonly sessionId: string;
  readonly pid: number;
  readonly dead: boolean;
  /** An agent's own pane, as start-agent-session.sh marks it: not one that somebody opened beside it. */
  readonly agent: boolean;
  /** How many clients show its session. */
  readonly viewers: number;
  /** Of a dead one: how its program ended; undefined where that is not known. */
  readonly end: ProgramEnd | undefined;
  /** How the program before this one ended, in the same pane, as start-agent-session.sh wrote it down; "" for none. */
  readonly endedBefore: string;
  /** Its program was there before the agent, and was taken over as it was: somebody else started it. */
  readonly taken: boolean;
  /** When a key last came to its session, or its window last showed something new, in seconds since 1970. */
  readonly activity: number;
}

/** Of a pane what it is, and what is in force for it, whatever the server's own options are: each field costs the server. */
export interface PaneLook extends Pick<Pane, "session" | "sessionId" | "pid" | "dead" | "agent"> {
  /** Such as "%5". */
  readonly pane: string;
  /** Its pane stays when its program ends, however that ends. */
  readonly remains: boolean;
  /** Its session ends when its last viewer leaves. */
  readonly endsUnattached: boolean;
}

/** A server with its global options and all its panes. */
export interface ServerLook extends Server {
  /** Of server, sessions and windows, hooks too, by name, as show-options prints them; one that is empty is not there. */
  readonly options: Readonly<Record<string, string>>;
  readonly panes: readonly PaneLook[];
}

/** One tmux server, by socket name. No call ever founds a server (-N). */
export interface Tmux {
  /** undefined when nothing serves the socket. Throws ToolError when that cannot be told. */
  server(): Promise<Server | undefined>;
  /** All panes of all sessions; empty without a server. Throws ToolError. */
  panes(): Promise<Pane[]>;
  /** A server with all its panes, by one client; undefined when nothing serves the socket. Throws ToolError. */
  everything(): Promise<(Server & { readonly panes: readonly Pane[] }) | undefined>;
  /** Everything that doctor asks of a server, by one client; undefined when nothing serves the socket. Throws ToolError. */
  look(): Promise<ServerLook | undefined>;
  /** The files that the server was told to read when it was founded; undefined without a server. Throws ToolError. */
  configFiles(): Promise<string[] | undefined>;
  /**
   * The first line of a configuration that the server does not understand, or that leaves a quote open; undefined where it can read
   * all of it. It does nothing of what is in it. Throws ToolError.
   */
  problemIn(path: string): Promise<{ readonly line: number; readonly message: string } | undefined>;
  /** Ends exactly this session; a prefix of another name is no match. */
  killSession(name: string): Promise<ExecResult>;
  /** The same for several, by one client, up to the first that is not there. */
  killSessions(names: readonly string[]): Promise<ExecResult>;
}

const NO_SERVER =
  /no server running on|server exited|lost server|error connecting to .*(No such file|Connection refused)/;
/** What list-panes -a says of a server without a session. */
const NO_SESSION = /no current target/;

const SERVER_FIELDS = ["pid", "socket_path", "version"];
/** A pane is shown of each session that has its window (new-session -t, link-window): the agent's is the one that is marked, too. */
const OWN_PANE = "?@mosaic_session,#{@mosaic_agent},";
const IDENTITY_FIELDS = ["session_name", "session_id", "pane_pid", "pane_dead", OWN_PANE];
const PANE_FIELDS = [
  ...IDENTITY_FIELDS,
  ...["session_attached", "session_activity", "window_activity", "pane_dead_status", "pane_dead_signal"],
  ...["@mosaic_taken", "@mosaic_ended"],
];
const LOOK_FIELDS = [...IDENTITY_FIELDS, "pane_id", "remain-on-exit", "destroy-unattached"];

/** A client of the server at `target` (-L NAME or -S PATH), whatever server this process was started in. */
export function tmuxClient(
  host: Pick<Host, "exec">,
  target: readonly string[],
): (args: readonly string[], options?: ExecOptions) => Promise<ExecResult> {
  // Without -u a locale that is not UTF-8 turns the tabs between fields into "_".
  return (args, options) =>
    host.exec(["tmux", "-u", "-N", ...target, ...args], {
      timeoutMs: 5_000,
      env: { TMUX: undefined, TMUX_PANE: undefined },
      ...options,
    });
}

/** Nothing serves the socket: what a client says then. */
export function saysNoServer(result: ExecResult): boolean {
  return result.kind === "exited" && NO_SERVER.test(result.stderr);
}

/** `socket`: a name (-L); a path (-S) when it has a slash; the user's own default server when it is left out. */
export function tmuxOf(host: Pick<Host, "exec">, socket: string | undefined): Tmux {
  const target = socket === undefined ? [] : [socket.includes("/") ? "-S" : "-L", socket];
  const tmux = tmuxClient(host, target);
  /** Named by its first command: formats are no reading. */
  const failed = (result: ExecResult) =>
    new ToolError({ ...result, argv: result.argv.slice(0, result.argv.indexOf("-N") + target.length + 2) });
  const rows = async (args: readonly string[], fields: readonly string[]): Promise<string[][] | undefined> => {
    const result = await tmux([...args, fields.map((field) => `#{${field}}`).join("\t")]);
    if (!succeeded(result)) {
      if (saysNoServer(result) || NO_SESSION.test(result.stderr)) return undefined;
      throw failed(result);
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
      const row = (await rows(["display-message", "-p"], SERVER_FIELDS))?.[0];
      return row && serverOf(row);
    },
    async panes() {
      return ((await rows(["list-panes", "-a", "-F"], PANE_FIELDS)) ?? []).map(paneOf);
    },
    async everything() {
      const fields = (names: readonly string[]) => names.map((name) => `#{${name}}`).join("\t");
      const listed = ["list-panes", "-a", "-F", fields(PANE_FIELDS)]; // last: without a session it is an error
      const result = await tmux(["display-message", "-p", fields(SERVER_FIELDS), ";", ...listed]);
      const [first = "", ...lines] = result.stdout.split("\n").filter((line) => line !== "");
      const server = first.split("\t");
      if (server.length !== SERVER_FIELDS.length) {
        if (result.kind === "exited" && NO_SERVER.test(result.stderr)) return undefined;
        throw failed(result);
      }
      if (!succeeded(result) && !NO_SESSION.test(result.stderr)) throw failed(result);
      return { ...serverOf(server), panes: lines.map((line) => paneOf(line.split("\t"))) };
    },
    async look() {
      const fields = (names: readonly string[]) => names.map((name) => `#{${name}}`).join("\t");
      const result = await tmux([
        ...["display-message", "-p", fields(SERVER_FIELDS), ";", "show-options", "-s", ";", "show-options", "-gH", ";"],
        ...["show-options", "-gwH", ";"],
        ...["list-panes", "-a", "-F", `\t${fields(LOOK_FIELDS)}`], // last: without a session it is an error
      ]);
      const [first = "", ...lines] = result.stdout.split("\n").filter((line) => line !== "");
      const server = first.split("\t");
      if (server.length !== SERVER_FIELDS.length) {
        if (saysNoServer(result)) return undefined;
        throw failed(result);
      }
      if (!succeeded(result) && !NO_SESSION.test(result.stderr)) throw failed(result);
      const panes: PaneLook[] = [];
      const options: Record<string, string> = {};
      for (const line of lines) {
        const space = line.indexOf(" ");
        if (line.startsWith("\t")) panes.push(paneLookOf(line.slice(1).split("\t")));
        else if (space > 0) options[line.slice(0, space)] = line.slice(space + 1);
      }
      return { ...serverOf(server), options, panes };
    },
    async configFiles() {
      const row = (await rows(["display-message", "-p"], ["config_files"]))?.[0];
      return row && (row[0] ?? "").split(",").filter((path) => path !== "");
    },
    async problemIn(path) {
      const result = await tmux(["source-file", "-nv", path]);
      const at = (text: string) => {
        const [, line, message = ""] = text.startsWith(`${path}:`)
          ? (/^(\d+): (.*)/.exec(text.slice(path.length + 1)) ?? [])
          : [];
        return line === undefined ? undefined : { line: Number(line), message };
      };
      // What it has read before stands before it.
      const last = at(`${result.stdout}${result.stderr}`.trimEnd().split("\n").at(-1) ?? "");
      if (result.kind === "exited" && result.code !== 0 && last !== undefined) return last;
      if (!succeeded(result)) throw failed(result);
      // An open quote takes all that follows, with its line ends.
      return last !== undefined && /\\n"?$/.test(last.message)
        ? { line: last.line, message: "a quote is left open: all that follows is its text" }
        : undefined;
    },
    killSession: (name) => tmux(["kill-session", "-t", `=${name}`]),
    killSessions: (names) =>
      tmux(names.flatMap((name, index) => [...(index === 0 ? [] : [";"]), "kill-session", "-t", `=${name}`])),
  };
}

function serverOf([pid, socketPath = "", version = ""]: readonly string[]): Server {
  return { pid: Number(pid), socketPath, version };
}

function identityOf([session = "", sessionId = "", pid, dead, agent]: readonly string[]) {
  return { session, sessionId, pid: Number(pid), dead: dead === "1", agent: agent === "1" };
}

function paneOf(row: readonly string[]): Pane {
  const [viewers, ofKeys, ofWindow, status = "", signal = "", taken, endedBefore = ""] = row.slice(
    IDENTITY_FIELDS.length,
  );
  return {
    ...identityOf(row),
    viewers: Number(viewers),
    end: signal !== "" ? { signal: Number(signal) } : status !== "" ? { status: Number(status) } : undefined,
    endedBefore,
    taken: taken === "1",
    activity: Math.max(Number(ofKeys), Number(ofWindow)),
  };
}

/** A flag is 1 or 0, a choice a word; destroy-unattached became a choice in 3.5. */
function paneLookOf(row: readonly string[]): PaneLook {
  const [pane = "", remain = "", destroy = ""] = row.slice(IDENTITY_FIELDS.length);
  return {
    ...identityOf(row),
    pane,
    remains: ["1", "on"].includes(remain),
    endsUnattached: !["0", "off"].includes(destroy),
  };
}

/** The folder of a user's sockets, as a tmux client of this environment takes it: TMUX_TMPDIR counts if it is there. */
export async function socketFolder(host: Pick<Host, "env" | "user" | "files">): Promise<string> {
  const wanted = host.env.TMUX_TMPDIR;
  const base = wanted && (await host.files.realPath(wanted)) !== undefined ? wanted : "/tmp";
  return join(base, `tmux-${host.user.uid}`);
}

/** Where the server of a socket name (-L) is reached. */
export async function socketPath(host: Pick<Host, "env" | "user" | "files">, name: string): Promise<string> {
  return join(await socketFolder(host), name);
}

/** "3.3" out of "tmux 3.3a" or "tmux next-3.5"; undefined when there is none. */
export function tmuxVersion(text: string): { readonly major: number; readonly minor: number } | undefined {
  const match = /(\d+)\.(\d+)/.exec(text);
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]) };
}
