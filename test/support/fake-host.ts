import type { FileStatus, Files, Host, Output } from "../../src/core/host.ts";

/** An output that keeps what is written. */
export function recorder(options: Partial<Omit<Output, "write">> = {}): Output & { text(): string } {
  let text = "";
  return {
    isTTY: false,
    columns: 80,
    rows: 24,
    color: false,
    gone: new AbortController().signal,
    ...options,
    write(more) {
      text += more;
    },
    text: () => text,
  };
}

function refuse(name: string) {
  return () => {
    throw new Error(`the fake host has no ${name}`);
  };
}

/** Files in memory, to be read only; whatever else is asked of them throws. */
export function fakeFiles(texts: Readonly<Record<string, string>> = {}): Files {
  const status = (path: string): FileStatus | undefined =>
    texts[path] === undefined
      ? undefined
      : { kind: "file", mode: 0o644, uid: 1000, gid: 1000, size: texts[path]?.length ?? 0, modified: 0, changed: 0 };
  const other = new Proxy({}, { get: (_, name) => refuse(`files.${String(name)}`) }) as Files;
  return Object.assign(Object.create(other) as Files, {
    read: async (path: string) => texts[path],
    readEach: async (paths: readonly string[]) => paths.map((path) => texts[path]),
    readBytes: async (path: string) => (texts[path] === undefined ? undefined : new TextEncoder().encode(texts[path])),
    readFiles: async (paths: readonly string[]) => paths.map(() => undefined),
    realPath: async (path: string) => (texts[path] === undefined ? undefined : path),
    status: async (path: string) => status(path),
    list: async () => [],
  });
}

/** A host on which nothing is installed and no time passes; a test hands in what it is about. */
export function fakeHost(overrides: Partial<Host> = {}): Host {
  return {
    env: {},
    user: { uid: 1000, name: "somebody", home: "/home/somebody" },
    pid: 1,
    executable: "/usr/local/bin/mosaic-fleet",
    itself: ["/usr/local/bin/mosaic-fleet"],
    machine: "x86_64",
    exec: async (argv) => ({ argv, stdout: "", stderr: "", kind: "not-found" }),
    foreground: refuse("foreground"),
    spawn: refuse("spawn"),
    kill: refuse("kill"),
    files: fakeFiles(),
    now: () => 0,
    date: () => new Date(0),
    pause: refuse("pause"),
    stdin: { isTTY: false },
    input: async () => undefined,
    stdout: recorder(),
    stderr: recorder(),
    fullScreen: async () => undefined,
    ask: async () => undefined,
    askSecret: async () => undefined,
    choose: async () => undefined,
    interrupted: new AbortController().signal,
    abandon: () => undefined,
    ...overrides,
  };
}
