import { describeError } from "../core/errors.ts";
import { onceEach } from "../core/shell.ts";
import type { Check, CheckResult, Evidence, SubjectResult } from "./check.ts";
import { type FixAction, fixText } from "./fix.ts";
import type { CheckReport } from "./report.ts";
import type { Tools } from "./tools.ts";

/** How a check ended. */
export interface Outcome
  extends Pick<CheckReport, "status" | "message" | "evidence" | "fix" | "subjects" | "blockedBy"> {
  /** What `--fix` could do about it. */
  readonly actions: readonly FixAction[];
  readonly unreadable: boolean;
  /** It failed, or hangs on one that did. */
  readonly broken: boolean;
}

/** An outcome of which there is no more to say than why. */
export function because(status: "skip" | "blocked" | "unknown", message: string): Outcome {
  const nothing = { evidence: {}, fix: fixText({}, ""), subjects: [], blockedBy: [], actions: [] };
  return { status, message, ...nothing, unreadable: false, broken: false };
}

/**
 * Runs a check. Unknown is one that throws, or returns nonsense, or has not ended when `limit` comes: with what that
 * says.
 */
export async function attempt(check: Check, tools: Tools, limit: Promise<string>): Promise<Outcome> {
  try {
    const result = await Promise.race([check.run(tools), limit]);
    return typeof result === "string" ? because("unknown", result) : outcomeOf(result, tools.host.user.home);
  } catch (error) {
    return because("unknown", `could not tell: ${describeError(error)}`);
  }
}

/** Evidence without what JSON does not know: it is to be shown as it is seen. Throws on what is none. */
function plain(evidence: Evidence): CheckReport["evidence"] {
  const copy: CheckReport["evidence"] = {};
  for (const [name, item] of Object.entries(evidence)) {
    if (typeof item === "object") copy[name] = [...item];
    else if (item !== undefined) copy[name] = isOdd(item) ? String(item) : item;
  }
  return copy;
}

function isOdd(value: unknown): boolean {
  return typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value));
}

/** Of two hundred agents most have neither. */
export const NOTHING: CheckReport["evidence"] = {};
export const NO_FIX = fixText({}, "");

function outcomeOf(result: CheckResult, home: string): Outcome {
  if (result.status === "skip") return because("skip", result.reason);
  const passed = result.status === "pass";
  const subjects = result.subjects ?? [];
  const untold = result.status === "fail" ? [] : subjects.filter(({ status }) => status === "unknown");
  const actions: FixAction[] = passed ? [] : [...(result.fix.actions ?? [])];
  for (const { fix } of subjects) if (fix?.actions !== undefined) actions.push(...fix.actions);
  const status = untold.length > 0 ? "unknown" : result.status;
  return {
    status,
    message: messageOf(untold) ?? (passed ? (result.detail ?? null) : result.message),
    evidence: result.evidence === undefined ? NOTHING : plain(result.evidence),
    fix: passed ? NO_FIX : fixText(result.fix, home),
    subjects: subjects.map(({ subject, status, message, evidence, fix }) => ({
      subject,
      status,
      message,
      evidence: evidence === undefined ? NOTHING : plain(evidence),
      fix: fix === undefined ? NO_FIX : fixText(fix, home),
    })),
    blockedBy: [],
    actions,
    unreadable: !passed && result.unreadable === true,
    broken: status === "fail",
  };
}

/** What is to be said of those of which it could not be told; undefined when there are none. */
function messageOf([first, ...more]: readonly SubjectResult[]): string | undefined {
  if (first === undefined) return undefined;
  return more.length === 0 ? `${first.subject}: ${first.message}` : `could not tell of ${more.length + 1}`;
}

/**
 * What has to be said of a check where those that it needs have not all passed; undefined when it can be run. The
 * message of one that is not reported itself goes with its id, and what mends it is shown here.
 */
export function blockedBy(
  needed: readonly (readonly [id: Check["id"], outcome: Outcome])[],
  reported: (id: string) => boolean,
): Outcome | undefined {
  const blockers = needed.filter(([, { status }]) => status !== "pass" && status !== "warn");
  if (blockers.length === 0) return undefined;
  const names = blockers
    .map(([id, { message }]) => (reported(id) || message === null ? id : `${id} (${message})`))
    .join(", ");
  // What was left out for a good reason leaves nothing to look at, which is no problem either.
  const skipped = blockers.every(([, { status }]) => status === "skip");
  const untold = blockers.filter(([id]) => !reported(id)).map(([, outcome]) => outcome);
  const fixes = untold.flatMap(({ fix, subjects }) => [fix, ...subjects.map((subject) => subject.fix)]);
  return {
    ...(skipped ? because("skip", `with ${names}`) : because("blocked", `by ${names}`)),
    blockedBy: blockers.map(([id]) => id),
    broken: blockers.some(([, { broken }]) => broken),
    fix: {
      commands: onceEach(fixes.flatMap(({ commands }) => commands)),
      root: onceEach(fixes.flatMap(({ root }) => root)),
      automatic: false, // --fix mends what was asked for
    },
  };
}
