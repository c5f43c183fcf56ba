import { FleetError } from "../core/errors.ts";
import { describeResult, type ExecResult } from "../core/exec.ts";
import { type CanaryVerdict, EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";

/** What a doctor says, as far as it is compared; later versions may say more. */
interface Look {
  readonly verdict: string;
  readonly checks: readonly Finding[];
}

interface Finding {
  readonly id: string;
  readonly status: string;
  readonly message: string | null;
  /** What to type, of the check and of what it found as bad as it says; a warning beside that is told, not held against it. */
  readonly commands: readonly string[];
}

/** The version that a binary tells; throws FleetError when it does not run, or is another than `wanted`. */
export async function versionOf(host: Host, binary: string, wanted?: string): Promise<string> {
  const said = await host.exec([binary, "--version"], { timeoutMs: 30_000 });
  const version = said.stdout.trim();
  const runs = said.kind === "exited" && said.code === 0 && version !== "";
  if (runs && (wanted === undefined || version === wanted)) return version;
  throw new FleetError(
    EXIT.broken,
    `mosaic-fleet ${wanted ?? ""} does not run here`.replace("  ", " "),
    runs ? `it says that it is ${version.slice(0, 80)}` : describeResult(said),
    ["mosaic-fleet --version   # is as it was"],
  );
}

/**
 * Whether the doctor of the new binary works and finds nothing worse than that of the old one. Throws FleetError where
 * the new binary is to blame: it gives no report where the old one does, or a check that the old one passes has failed
 * or could not tell, twice. Not its fault is what the old one finds as well, what only the new one looks at, and what an
 * install of the new version mends. Returns the verdict, and whether it is no pass for reasons that were there before.
 */
export async function compareDoctors(host: Host, old: string, fresh: string): Promise<{ verdict: string }> {
  const seen = await look(host, fresh);
  if ("verdict" in seen && seen.verdict === "pass") return { verdict: seen.verdict };
  const before = await look(host, old);
  if (!("verdict" in before)) return { verdict: "verdict" in seen ? seen.verdict : "unknown" };
  if (!("verdict" in seen)) throw blame("its doctor does not work", describeResult(seen));
  const worse = worseThan(before, seen);
  if (worse.length === 0) return { verdict: seen.verdict };
  // Something may have happened on the machine just now.
  const again = await look(host, fresh, ["--only", worse.map(({ id }) => id).join(",")]);
  const still = "verdict" in again ? worseThan(before, again) : worse;
  const [first] = still;
  if (first === undefined) return { verdict: seen.verdict };
  const others = still.length === 1 ? "" : ` (and ${still.length - 1} more)`;
  throw blame(
    "its doctor finds what the one before does not",
    `${first.id}: ${first.message ?? first.status}${others}`,
  );
}

function blame(what: string, why: string): FleetError {
  return new FleetError(EXIT.broken, `The new binary was not taken: ${what}`, why, [
    "mosaic-fleet self-update --no-doctor   # to take it all the same",
  ]);
}

async function look(host: Host, binary: string, words: readonly string[] = []): Promise<Look | ExecResult> {
  const result = await host.exec([binary, "doctor", "-o", "json", ...words], {
    timeoutMs: 180_000,
    cancelled: host.interrupted,
  });
  return result.kind === "exited" ? (lookIn(result.stdout) ?? result) : result;
}

function lookIn(text: string): Look | undefined {
  try {
    const { verdict, checks } = JSON.parse(text);
    if (typeof verdict !== "string" || !Array.isArray(checks)) return undefined;
    return { verdict, checks: checks.map(findingOf) };
  } catch {
    return undefined;
  }
}

// biome-ignore lint/suspicious/noExplicitAny: of whatever version; what is not there is empty
function findingOf({ id, status, message = null, fix, subjects = [] }: any): Finding {
  const found = subjects.filter((each: { status?: unknown }) => each.status === status);
  const commands = [fix, ...found.map((each: { fix?: unknown }) => each.fix)].flatMap((each) => each?.commands ?? []);
  return { id: String(id), status: String(status), message, commands };
}

/** Of a check that hangs on another, the other is told. */
const RANKS: Readonly<Record<string, number>> = { fail: 2, unknown: 1 };

function worseThan(before: Look, now: Look): Finding[] {
  const known = new Map(before.checks.map(({ id, status }) => [id, RANKS[status] ?? 0]));
  return now.checks.filter(({ id, status, commands }) => {
    const isLayout = commands.length > 0 && commands.every((each) => each.startsWith("mosaic-fleet install"));
    return !isLayout && (RANKS[status] ?? 0) > (known.get(id) ?? 2);
  });
}

/**
 * The verdict of the new binary's canary in a sandbox. Throws FleetError where it is worse than that of the old one: what
 * does not hold with either is the machine's.
 */
export async function compareCanaries(host: Host, old: string, fresh: string): Promise<CanaryVerdict> {
  const now = await canary(host, fresh);
  if (now.verdict === "pass") return "pass";
  const before = await canary(host, old);
  const order = ["pass", "unavailable", "unknown", "broken"];
  if (order.indexOf(now.verdict) > order.indexOf(before.verdict) || (now.crashed && !before.crashed))
    throw new FleetError(
      EXIT.broken,
      "The new binary was not taken: its canary fails",
      `${now.why}; that of the one before: ${before.verdict}`,
      ["mosaic-fleet canary --sandbox   # that of the one before"],
    );
  return now.verdict;
}

async function canary(host: Host, binary: string): Promise<{ verdict: CanaryVerdict; crashed: boolean; why: string }> {
  const result = await host.exec([binary, "canary", "--sandbox", "-o", "json"], {
    timeoutMs: 300_000,
    cancelled: host.interrupted,
  });
  const code = result.kind === "exited" ? result.code : undefined;
  const verdicts: Readonly<Record<number, CanaryVerdict>> = { 0: "pass", 1: "broken", 2: "unknown", 69: "unavailable" };
  const verdict = verdicts[code ?? -1];
  return { verdict: verdict ?? "broken", crashed: verdict === undefined, why: whyIn(result) };
}

/** The first step that did not pass, or what kept it from starting. */
function whyIn(result: ExecResult): string {
  try {
    const { problem, steps = [] } = JSON.parse(result.stdout);
    const step = steps.find(({ status }: { status: string }) => status === "fail" || status === "unknown");
    return step ? `${step.id}: ${step.message}` : problem ? `${problem.what}: ${problem.why}` : describeResult(result);
  } catch {
    return describeResult({ ...result, stdout: result.stdout.slice(0, 200) });
  }
}
