/** One thing that install does. Plain data: showing a plan, applying it and recording it read the same value. */
export type Action =
  | { readonly kind: "make-folder"; readonly path: string }
  | {
      readonly kind: "write-file";
      readonly path: string;
      readonly mode: number;
      readonly text: string;
      readonly sha256: string;
    }
  | { readonly kind: "daemon-reload" }
  | { readonly kind: "enable"; readonly unit: string }
  | { readonly kind: "start"; readonly unit: string };

export type Step = { readonly action: Action } & (
  | { readonly change: "none" | "create" | "update" }
  | { readonly change: "conflict"; readonly why: string; readonly next: string }
);

export interface Plan {
  readonly steps: readonly Step[];
}

export function conflicts(plan: Plan): (Step & { change: "conflict" })[] {
  return plan.steps.filter((step) => step.change === "conflict");
}

export function changes(plan: Plan): Step[] {
  return plan.steps.filter((step) => step.change === "create" || step.change === "update");
}
