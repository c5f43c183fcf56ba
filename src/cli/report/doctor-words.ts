import type { CheckReport, DoctorReport } from "../../doctor/report.ts";
import { EXAMINATION_FORMATS } from "./formats/examination.ts";

/** What `-o` knows. */
export const FORMATS = ["human", "json", "ndjson", ...EXAMINATION_FORMATS] as const;
export type Format = (typeof FORMATS)[number];

const SENTENCES: Readonly<Record<DoctorReport["verdict"], string>> = {
  pass: "Nothing is broken.",
  broken: "Something is broken.",
  unknown: "Could not tell whether a fleet holds here.",
  unreadable: "A file with settings cannot be read.",
  waited: "Waited, and it did not come right.",
};

/** The verdict as a sentence. */
export function sentenceOf({ verdict, ok }: Pick<DoctorReport, "verdict" | "ok">): string {
  return verdict === "waited" && ok === null ? "Waited, and could not tell whether it came right." : SENTENCES[verdict];
}

export const WORDS = {
  pass: "ok",
  warn: "warn",
  fail: "FAIL",
  skip: "skip",
  unknown: "unknown",
  blocked: "blocked",
} as const;

/** Worst first. */
export const RANK = ["fail", "unknown", "blocked", "warn", "pass", "skip"] as const;

/** How many checks have each status, the worst first: "2 fail, 30 ok". */
export function tally(checks: readonly Pick<CheckReport, "status">[]): string {
  return RANK.flatMap((status) => {
    const count = checks.filter((check) => check.status === status).length;
    return count === 0 ? [] : [`${count} ${WORDS[status].toLowerCase()}`];
  }).join(", ");
}
