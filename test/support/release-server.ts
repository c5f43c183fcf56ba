import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** How a file is sent: whole, or as a bad server, line or attacker would send it. */
export type Manner =
  | "good"
  | "gone" // 404
  | "guarded" // 401, to who does not say who asks; wget says so only then
  | "cut" // the length is right, half of it comes
  | "short" // half of it, and no length
  | "wrong" // one bit is another
  | "stalled" // half of it, and then nothing more, for ever
  | "slow" // a byte a tenth of a second
  | "endless" // all of it, and then more; 32 MB in all, so that a failing test does not fill the disk
  | "elsewhere"; // a redirect to `redirectTo`

export interface ReleaseServer extends Disposable {
  readonly port: number;
  /** The paths that were asked for since it was last emptied. */
  readonly asked: string[];
  /** What was said of who asks, each time that something was. */
  readonly authorized: string[];
  /** How files are sent whose name ends so; the first that fits. */
  manner: readonly (readonly [suffix: string, Manner])[];
  redirectTo: string;
  folder: string;
}

/** Serves a folder on a loopback port, in whatever manner a test needs. It must not be waited for synchronously. */
export function releaseServer(folder: string, tls?: { key: string; cert: string }): ReleaseServer {
  const timers = new Set<Timer>();

  function respond(socket: Bun.Socket<State>, path: string, known: boolean): void {
    const file = join(server.folder, path.split("/").at(-1) ?? "");
    const manner = server.manner.find(([suffix]) => path.endsWith(suffix))?.[1] ?? "good";
    if (manner === "elsewhere") {
      send(socket, Buffer.from(`HTTP/1.1 302 Found\r\nLocation: ${server.redirectTo}${path}\r\n\r\n`), "close");
      return;
    }
    if (manner === "guarded" && !known) {
      const asks = "WWW-Authenticate: Basic realm=mirror\r\nContent-Length: 0";
      send(socket, Buffer.from(`HTTP/1.1 401 Unauthorized\r\n${asks}\r\nConnection: close\r\n\r\n`), "close");
      return;
    }
    if (manner === "gone" || !existsSync(file)) {
      send(socket, Buffer.from("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), "close");
      return;
    }
    const whole = readFileSync(file);
    const half = whole.subarray(0, whole.length / 2);
    const body = { cut: half, short: half, stalled: half, slow: half.subarray(0, 0) }[manner as string] ?? whole;
    if (manner === "wrong") body[body.length >> 1] = (body[body.length >> 1] ?? 0) ^ 1;
    const length = manner === "short" || manner === "endless" ? "" : `Content-Length: ${whole.length}\r\n`;
    const head = Buffer.from(
      `HTTP/1.1 200 OK\r\n${length}Strict-Transport-Security: max-age=1000\r\nConnection: close\r\n\r\n`,
    );
    const afters = { stalled: "wait", slow: "wait", endless: "repeat" } as const;
    send(socket, Buffer.concat([head, body]), afters[manner as keyof typeof afters] ?? "close");
    if (manner === "slow") timers.add(setInterval(() => socket.write("x"), 100));
  }

  /** Sends what the socket takes; the rest when it takes more. */
  function send(socket: Bun.Socket<State>, bytes: Buffer, after: State["after"]): void {
    socket.data = { bytes, after, received: "", repeats: 0 };
    flush(socket);
  }

  function flush(socket: Bun.Socket<State>): void {
    const state = socket.data;
    for (;;) {
      const sent = state.bytes.length > 0 ? socket.write(state.bytes) : 0;
      if (sent < 0) return;
      state.bytes = state.bytes.subarray(sent);
      if (state.bytes.length > 0 || state.after === "wait") return;
      if (state.after === "close") {
        socket.end();
        return;
      }
      state.repeats += 1;
      if (state.repeats > 512) return;
      state.bytes = Buffer.alloc(65_536, "more");
    }
  }

  const listener = Bun.listen<State>({
    hostname: "127.0.0.1",
    port: 0,
    ...(tls ? { tls } : {}),
    socket: {
      open(socket) {
        socket.data = { bytes: Buffer.alloc(0), after: "wait", received: "", repeats: 0 };
      },
      data(socket, chunk) {
        const state = socket.data;
        state.received += chunk.toString();
        if (!state.received.includes("\r\n\r\n")) return;
        const path = state.received.split(" ")[1] ?? "/";
        server.asked.push(path);
        const said = [...state.received.matchAll(/^Authorization: (.*)\r$/gim)].map(([, each = ""]) => each);
        server.authorized.push(...said);
        respond(socket, path, said.length > 0);
      },
      drain: flush,
      error() {},
    },
  });
  const server: ReleaseServer = {
    port: listener.port,
    asked: [],
    authorized: [],
    manner: [],
    redirectTo: "",
    folder,
    [Symbol.dispose]() {
      for (const timer of timers) clearInterval(timer);
      listener.stop(true);
    },
  };
  return server;
}

interface State {
  bytes: Buffer;
  after: "close" | "wait" | "repeat";
  received: string;
  repeats: number;
}
