import { type ExecResult, succeeded } from "../core/exec.ts";
import type { Host } from "../core/host.ts";

/** What of the journal is wanted, and how. */
export interface JournalQuery {
  /** The last so many entries. */
  readonly last: number | "all";
  /** As journalctl takes a time: "2026-01-31 12:00", "yesterday", "-600s". */
  readonly since: string | undefined;
  /** As journalctl names them: short, cat, json … */
  readonly format: string;
  readonly colours: boolean;
  /** Goes on with what comes. */
  readonly follow: boolean;
}

/**
 * What a unit of the user's said, and what systemd said of it, oldest first, each line as it comes. By --user-unit alone: with
 * --user what the units of root and of system users said is not found, since it is in the system's journal.
 */
export function readJournal(
  host: Pick<Host, "exec">,
  unit: string,
  { last, since, format, colours, follow }: JournalQuery,
  line: (line: string) => void,
  cancelled: AbortSignal,
): Promise<ExecResult> {
  const wanted = [...(since === undefined ? [] : [`--since=${since}`]), ...(follow ? ["-f"] : [])];
  const argv = ["journalctl", "--no-pager", `--user-unit=${unit}`, "-n", String(last), "-o", format, ...wanted];
  const env = { SYSTEMD_COLORS: colours ? "1" : "0" };
  return host.exec(argv, { line, cancelled, env, timeoutMs: follow ? Number.POSITIVE_INFINITY : 60_000 });
}

/** Why there is no journal to read here; undefined where there is one. */
export async function journalProblem(host: Pick<Host, "exec">): Promise<"missing" | "none" | "not-ours" | undefined> {
  const result = await host.exec(["journalctl", "--no-pager", "-n", "0"]);
  if (result.kind === "not-found") return "missing";
  if (/No journal files were found/.test(result.stderr)) return "none";
  return /insufficient permissions/.test(result.stderr) ? "not-ours" : undefined;
}

/** What the user's units said under a tag since a moment, oldest first; empty where there is no journal to read. */
export async function saidSince(host: Pick<Host, "exec" | "user">, tag: string, since: Date): Promise<string[]> {
  const wanted = ["-t", tag, "-n", "1000", `--since=@${Math.floor(since.getTime() / 1000)}`, `_UID=${host.user.uid}`];
  const result = await host.exec(["journalctl", "-q", "--no-pager", "-o", "cat", ...wanted]);
  return succeeded(result) ? result.stdout.split("\n").filter((line) => line !== "") : [];
}
