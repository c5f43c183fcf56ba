/** What every examination can be printed as. */
export const EXAMINATION_FORMATS = ["junit", "tap", "github", "markdown"] as const;
export type ExaminationFormat = (typeof EXAMINATION_FORMATS)[number];

/** What every machine format shows: the results of doctor, or of the canary, without what is particular to either. */
export interface Examination {
  /** Such as "mosaic-fleet doctor". */
  readonly name: string;
  /** The verdict as a sentence. */
  readonly verdict: string;
  readonly rows: readonly Row[];
  /** Versions and the like. */
  readonly environment: Readonly<Record<string, string>>;
  readonly ms: number;
}

export interface Row {
  readonly id: string;
  readonly area: string;
  /** The healthy state. */
  readonly title: string;
  readonly status: "pass" | "warn" | "fail" | "skip" | "unknown" | "blocked";
  /** A warning by which the verdict is broken: --fail-on warn. */
  readonly breaks?: boolean;
  readonly message: string | null;
  /** What was seen, a line each. */
  readonly details: readonly string[];
  /** What to type, a line each. */
  readonly fix: readonly string[];
  readonly ms: number;
}
