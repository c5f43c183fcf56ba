/** What became of a child process: a value, never an exception, and never folded into one number. */
export type ExecResult = { readonly argv: readonly string[]; readonly stdout: string; readonly stderr: string } & (
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "signaled"; readonly signal: string }
  | { readonly kind: "timed-out"; readonly afterMs: number }
  /** It was killed: what it printed had no end. */
  | { readonly kind: "endless"; readonly afterBytes: number }
  /** No folder of PATH has it, or nothing is at its path. */
  | { readonly kind: "not-found" }
  /** It is there, and was not started; as a person says why. */
  | { readonly kind: "not-started"; readonly why: string }
);

export interface ExecOptions {
  /** Milliseconds until the child is killed; 10,000 unless told, Infinity for one that is followed until it is cancelled. */
  readonly timeoutMs?: number;
  /** Variables on top of the host's environment; undefined takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** What the child reads; nothing unless told. For secrets too: what is in argv, every user of the machine can read. */
  readonly input?: string | Uint8Array;
  /** Gets each line of the child's stdout as it comes, instead of the result. */
  readonly line?: (line: string) => void;
  /** When it is aborted the child is killed. With one, that and the time-out also kill what the child has started. */
  readonly cancelled?: AbortSignal;
}

/** Runs a program (argv only, no shell) to its end, or to its time-out. */
export type Exec = (argv: readonly string[], options?: ExecOptions) => Promise<ExecResult>;

export function succeeded(result: ExecResult): boolean {
  return result.kind === "exited" && result.code === 0;
}

/** The longest line of a child's that is told, in characters. */
const TOLD_LIMIT = 300;

/** One line that says what a child did, with what it said itself. */
export function describeResult(result: ExecResult): string {
  const command = result.argv.join(" ");
  const lines = (result.stderr.trim() || result.stdout.trim()).split("\n").slice(0, 3);
  const said = lines.map((line) => (line.length > TOLD_LIMIT ? `${line.slice(0, TOLD_LIMIT)} …` : line)).join("; ");
  const tail = said === "" ? "" : `: ${said}`;
  switch (result.kind) {
    case "exited":
      return `${command} exited with ${result.code}${tail}`;
    case "signaled":
      return `${command} was killed by ${result.signal}${tail}`;
    case "timed-out":
      return `${command} did not end within ${result.afterMs} ms${tail}`;
    case "endless":
      return `${command} printed more than ${result.afterBytes} bytes, and was killed${tail}`;
    case "not-found":
      return `${result.argv[0] ?? "program"} is not installed or not on PATH`;
    case "not-started":
      return `${result.argv[0] ?? "program"} cannot be started: ${result.why}`;
  }
}
