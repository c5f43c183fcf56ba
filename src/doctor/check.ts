import type { FixAction } from "./fix.ts";
import type { Tools } from "./tools.ts";

/** What was seen: short names, plain values. */
export type Evidence = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** What mends a finding. At least one of the three, or nobody can. */
export interface Fix {
  /** What `--fix` can do by itself; the command that does the same by hand is shown with the others. */
  readonly actions?: readonly FixAction[];
  /** What a person types, in order, as the user. */
  readonly commands?: readonly string[];
  /** What only root may do: without sudo, which is put before it where the user is not root. */
  readonly root?: readonly string[];
}

/** What `--explain` says, and docs/checks.md. Whole sentences. */
export interface Explanation {
  /** What is looked at, and where. */
  readonly checks: string;
  /** What happens to a fleet when it is not so. */
  readonly why: string;
  /** How to mend it by hand. */
  readonly mend: string;
}

/** One thing that is looked at. No check knows of another, of an order, or of output. */
export interface Check {
  /** AREA.NAME, stable for ever. */
  readonly id: `${string}.${string}`;
  /** The healthy state, as a sentence that is true when the check passes. */
  readonly title: string;
  readonly explain: Explanation;
  /** Whether it says something before anything is installed: the set of `--pre`. */
  readonly pre?: boolean;
  /** Checks without whose pass this one has nothing to look at: it is then blocked. */
  readonly requires?: readonly Check["id"][];
  run(tools: Tools): Promise<CheckResult>;
}

/** What is so of one of several things that a check looks at: an agent, mostly. */
export interface SubjectResult {
  readonly subject: string;
  /** unknown: of this one it could not be told, which makes the check unknown unless another has failed. */
  readonly status: "pass" | "warn" | "fail" | "unknown";
  readonly message: string;
  readonly evidence?: Evidence;
  readonly fix?: Fix;
}

export type CheckResult =
  | {
      readonly status: "pass";
      /** A few words that are worth reading in a healthy line: a version, a number. */
      readonly detail?: string;
      readonly evidence?: Evidence;
      readonly subjects?: readonly SubjectResult[];
    }
  | {
      readonly status: "warn" | "fail";
      readonly message: string;
      readonly evidence?: Evidence;
      readonly fix: Fix;
      readonly subjects?: readonly SubjectResult[];
      /** A file with settings cannot be read: the verdict says so, with an exit code of its own. */
      readonly unreadable?: true;
    }
  | { readonly status: "skip"; readonly reason: string };

/**
 * The result of a check that looks at several things. `healthy`: what to say when all are well; empty for nothing. `failing`: completes
 * "3 of 20 agents: …" when more than one is not.
 */
export function ofSubjects(
  subjects: readonly SubjectResult[],
  words: { readonly many: string; readonly healthy: string; readonly failing: string },
): CheckResult {
  const off = subjects.filter(({ status }) => status === "warn" || status === "fail");
  const [first] = off;
  if (first === undefined) return { status: "pass", ...(words.healthy && { detail: words.healthy }), subjects };
  return {
    status: off.some(({ status }) => status === "fail") ? "fail" : "warn",
    message:
      off.length === 1
        ? `${first.subject}: ${first.message}`
        : `${off.length} of ${subjects.length} ${words.many}: ${words.failing}`,
    fix: {}, // each has its own
    subjects,
  };
}
