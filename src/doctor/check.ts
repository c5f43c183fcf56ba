import type { Tools } from "./tools.ts";

/** What was seen: short names, plain values. */
export type Evidence = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** What a person types to mend it; lines that need root start with sudo. */
export interface Fix {
  readonly commands: readonly string[];
}

/** One thing that is looked at. No check knows of another, of an order, or of output. */
export interface Check {
  /** AREA.NAME, stable for ever. */
  readonly id: `${string}.${string}`;
  /** The healthy state, as a sentence that is true when the check passes. */
  readonly title: string;
  /** Checks without whose pass this one has nothing to look at: it is then blocked. */
  readonly requires?: readonly Check["id"][];
  run(tools: Tools): Promise<CheckResult>;
}

export type CheckResult =
  | { readonly status: "pass"; readonly detail?: string }
  | { readonly status: "warn" | "fail"; readonly message: string; readonly evidence?: Evidence; readonly fix: Fix }
  | { readonly status: "skip"; readonly reason: string };
