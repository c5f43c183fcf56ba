import { tilde } from "../core/paths.ts";

/** One thing that install, rollback or uninstall does. Plain data: showing a plan, applying it and recording it read the same value. */
export type Action =
  | { readonly kind: "make-folder"; readonly path: string }
  | WriteFile
  /** The user's own from then on: only where nothing is. */
  | (FileText & { readonly kind: "seed-file" })
  /** The user's own file, kept under another name where ours takes its place: bytes, not text. */
  | { readonly kind: "keep-copy"; readonly path: string; readonly sha256: string; readonly to: string }
  /** Only while its content is one of these: what the user made of it stays. */
  | { readonly kind: "remove-file"; readonly path: string; readonly sums: readonly string[] }
  /** Only if it is empty by then. */
  | { readonly kind: "remove-folder"; readonly path: string }
  | { readonly kind: "daemon-reload" }
  | { readonly kind: "enable" | "start" | "stop"; readonly units: readonly string[] }
  /** With a `path` only that link of theirs, where the user has made others, all of which a disable would take. */
  | { readonly kind: "disable"; readonly units: readonly string[]; readonly path?: string }
  | { readonly kind: "linger"; readonly on: boolean };

/** An action as far as a receipt has it; its kind may be one of a later version. */
export interface NamedAction {
  readonly kind: string;
  readonly path?: string | undefined;
  readonly to?: string | undefined;
  readonly units?: readonly string[] | undefined;
  readonly on?: boolean | undefined;
}

interface FileText {
  readonly path: string;
  readonly mode: number;
  readonly text: string;
  readonly sha256: string;
}

export interface WriteFile extends FileText {
  readonly kind: "write-file";
  /** Hash of what it takes the place of; null for nothing. What came there since is the user's. */
  readonly over: string | null;
}

/**
 * Why a file is left as the user has it. edited: changed by the user. removed: by the user. undecided: changed by the
 * user and by this version. dropped: edited, and no file of this version. own: never ours to change.
 */
export type Kept = "edited" | "removed" | "undecided" | "dropped" | "own";

export type Step = {
  readonly action: Action;
  /** The text that is there, of a file that is changed, removed or kept. */
  readonly was?: string;
  /** What to know of it, a line each. */
  readonly notes?: readonly string[];
} & (
  | { readonly change: "none" | "create" | "update" | "remove" }
  | { readonly change: "keep"; readonly kept: Kept; readonly why: string; readonly next: string }
  | { readonly change: "conflict"; readonly why: string; readonly next: string }
);

export interface Plan {
  readonly steps: readonly Step[];
}

export function conflicts(plan: Plan): (Step & { change: "conflict" })[] {
  return plan.steps.filter((step) => step.change === "conflict");
}

/** The steps that change something, in order. */
export function changes(plan: Plan): Step[] {
  return plan.steps.filter(({ change }) => change === "create" || change === "update" || change === "remove");
}

/** What stays as the user has it, although this version has it otherwise. */
export function keeps(plan: Plan): (Step & { change: "keep" })[] {
  return plan.steps.filter((step) => step.change === "keep");
}

const VERBS: Readonly<Record<string, string>> = {
  "make-folder": "make",
  "write-file": "write",
  "seed-file": "write",
  "keep-copy": "keep",
  "remove-file": "remove",
  "remove-folder": "remove",
};
const UNIT_VERBS = new Set(["enable", "disable", "start", "stop"]);

/** What an action works on, as a person reads it: the home folder is ~, a folder ends with a slash. */
export function objectOf({ kind, path = "", to, units = [], on }: NamedAction, home: string): string {
  if (kind === "keep-copy") return `${tilde(to ?? path, home)} (your version)`;
  if (kind in VERBS) return `${tilde(path, home)}${kind.endsWith("-folder") ? "/" : ""}`;
  if (kind === "daemon-reload") return "systemctl --user daemon-reload";
  if (kind === "linger") return `loginctl ${on ? "enable" : "disable"}-linger`;
  if (kind === "disable" && path !== "") return `rm ${tilde(path, home)}`;
  const words = [kind, ...(path === "" ? [] : [tilde(path, home)]), ...units].join(" ");
  return UNIT_VERBS.has(kind) ? `systemctl --user ${words}` : words;
}

/** The same in words: "write ~/.config/…", or the command that is run. */
export function describeAction(action: NamedAction, home: string): string {
  const verb = VERBS[action.kind];
  return verb === undefined ? objectOf(action, home) : `${verb} ${objectOf(action, home)}`;
}
