/** One thing that install, rollback or uninstall does. Plain data: showing a plan, applying it and recording it read the same value. */
export type Action =
  | { readonly kind: "make-folder"; readonly path: string }
  | WriteFile
  /** Only while its content is one of these: what the user made of it stays. */
  | { readonly kind: "remove-file"; readonly path: string; readonly sums: readonly string[] }
  /** Only if it is empty by then. */
  | { readonly kind: "remove-folder"; readonly path: string }
  /** `loads`: the manager must then have our units from where we wrote them. */
  | { readonly kind: "daemon-reload"; readonly loads: boolean }
  | { readonly kind: "enable" | "disable" | "start" | "stop" | "restart"; readonly units: readonly string[] }
  | { readonly kind: "linger"; readonly on: boolean };

export interface WriteFile {
  readonly kind: "write-file";
  readonly path: string;
  readonly mode: number;
  readonly text: string;
  readonly sha256: string;
  /** The user's own text, kept where ours takes its place: not ours, so not recorded. */
  readonly backup?: true;
}

export type Step = { readonly action: Action } & (
  | { readonly change: "none" | "create" | "update" | "remove" }
  /** The user's: it stays as it is, and why that is worth a word. */
  | { readonly change: "keep"; readonly why: string; readonly next: string }
  | { readonly change: "conflict"; readonly why: string; readonly next: string }
);

export interface Plan {
  readonly steps: readonly Step[];
  /** Files that the user and this version have changed, so that ours was put beside: to be decided by the user. */
  readonly undecided: readonly string[];
}

export function conflicts(plan: Plan): (Step & { change: "conflict" })[] {
  return plan.steps.filter((step) => step.change === "conflict");
}

/** The steps that change something, in order. */
export function changes(plan: Plan): Step[] {
  return plan.steps.filter(({ change }) => change === "create" || change === "update" || change === "remove");
}
