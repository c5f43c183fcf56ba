import type { FileStatus } from "../core/host.ts";
import { HOLDER_UNIT } from "../core/names.ts";
import { moveAside, shellWord } from "../core/shell.ts";
import type { Plan, Step, WriteFile } from "./action.ts";
import type { OwnedFile } from "./assets.ts";
import { knownSums, type Receipt } from "./receipt.ts";

/** What is at a path now; text and hash only of a regular file. */
export interface Found {
  readonly status: FileStatus | undefined;
  readonly text: string | undefined;
  readonly sha256: string | undefined;
}

export type WantedFile = OwnedFile & { readonly sha256: string };

export interface PlanInput {
  readonly wanted: readonly WantedFile[];
  readonly folders: readonly string[];
  /** Of every path in the two above, of every file in the receipt, and of what lies beside them: see pathsToLookAt(). */
  readonly found: ReadonlyMap<string, Found>;
  readonly recorded: Receipt | undefined;
  /** Files that the user and this version have both changed, for which the user wants ours. */
  readonly taken: ReadonlySet<string>;
  /** Put back what the user has removed. */
  readonly restore: boolean;
  readonly enable: boolean;
  readonly enabled: boolean;
  readonly now: boolean;
  readonly running: boolean;
  readonly linger: boolean;
  readonly lingers: boolean;
}

/** Where our version of a file is put that the user has changed, too. */
export function besideOf(path: string): string {
  return `${path}.mosaic-new`;
}

/** Where the user's version of a file is kept that ours takes the place of: named by its content, so that none is lost. */
export function backupOf(path: string, sha256: string): string {
  return `${path}.mosaic-old-${sha256.slice(0, 8)}`;
}

export function pathsToLookAt(input: Pick<PlanInput, "wanted" | "folders" | "recorded">): string[] {
  const files = [...input.wanted.map(({ path }) => path), ...(input.recorded?.files ?? []).map(({ path }) => path)];
  return [...new Set([...input.folders, ...files, ...files.map(besideOf)])];
}

/** Wanted, recorded and found become actions. Pure: nothing is looked up and nothing is done. */
export function planInstall(input: PlanInput): Plan {
  const folders = input.folders.map((path): Step => {
    const status = input.found.get(path)?.status;
    const action = { kind: "make-folder", path } as const;
    if (status === undefined) return { action, change: "create" };
    if (status.kind === "folder" || status.kind === "link") return { action, change: "none" };
    return { action, change: "conflict", why: "a file is in the place of this folder", next: moveAside(path, "yours") };
  });
  const files = [...input.wanted.flatMap((file) => planFile(file, input)), ...planDropped(input)];
  // A run that was killed may have written files that the manager has not read.
  const reload = input.recorded?.phase === "applying" || files.some((step) => isChange(step));
  const ask = (wanted: boolean, so: boolean, step: Step["action"]): Step[] =>
    wanted ? [{ action: step, change: so ? "none" : "update" }] : [];
  return {
    steps: [
      ...folders,
      ...files,
      { action: { kind: "daemon-reload", loads: true }, change: reload ? "update" : "none" },
      ...ask(input.linger, input.lingers, { kind: "linger", on: true }),
      ...ask(input.enable, input.enabled, { kind: "enable", units: [HOLDER_UNIT] }),
      ...ask(input.now, input.running, { kind: "start", units: [HOLDER_UNIT] }),
    ],
    undecided: input.wanted.flatMap((file) => (judge(file, input) === "both" ? [file.path] : [])),
  };
}

function isChange({ change }: Step): boolean {
  return change === "create" || change === "update" || change === "remove";
}

/**
 * Three hashes decide: what we last wrote (recorded), what is there (found), what we bring (wanted).
 * both: the user and this version have changed it. taken: so, and the user wants ours.
 */
type Judgement =
  | "create"
  | "same"
  | "mode"
  | "update"
  | "theirs"
  | "removed"
  | "both"
  | "taken"
  | "not-a-file"
  | "foreign";

function judge(file: WantedFile, input: PlanInput): Judgement {
  const there = input.found.get(file.path);
  const ours = knownSums(input.recorded, file.path);
  if (there?.status === undefined)
    return ours.length === 0 || input.recorded?.phase === "applying" || input.restore ? "create" : "removed";
  if (there.status.kind !== "file") return "not-a-file";
  if (there.sha256 === file.sha256) return there.status.mode === file.mode ? "same" : "mode";
  if (ours.length === 0) return "foreign";
  if (there.sha256 !== undefined && ours.includes(there.sha256)) return "update";
  if (input.taken.has(file.path)) return "taken";
  return ours.includes(file.sha256) && input.recorded?.phase === "applied" ? "theirs" : "both";
}

function planFile(file: WantedFile, input: PlanInput): Step[] {
  const action: WriteFile = { kind: "write-file", ...file };
  const there = input.found.get(file.path);
  const aside = moveAside(file.path, "yours");
  const judgement = judge(file, input);
  switch (judgement) {
    case "create":
      return [{ action, change: "create" }, ...clearBeside(file, input)];
    case "same":
      return [{ action, change: "none" }, ...clearBeside(file, input)];
    case "mode":
    case "update":
      return [{ action, change: "update" }, ...clearBeside(file, input)];
    case "theirs":
      return [
        {
          action,
          change: "keep",
          why: "you have changed it, and this version has not: yours stays",
          next: `mosaic-fleet install --take ${shellWord(file.path)}`,
        },
      ];
    case "removed":
      return [
        {
          action,
          change: "keep",
          why: "you have removed it: it stays removed",
          next: "mosaic-fleet install --restore",
        },
      ];
    case "both":
      return [
        {
          action,
          change: "keep",
          why: "you and this version have changed it: yours stays, ours is beside it",
          next: `diff -u ${shellWord(file.path)} ${shellWord(besideOf(file.path))}`,
        },
        ...putBeside(file, input),
      ];
    case "taken": {
      const text = there?.text ?? "";
      const sha256 = there?.sha256 ?? "";
      const path = backupOf(file.path, sha256);
      const backup: WriteFile = { kind: "write-file", path, mode: 0o600, text, sha256, backup: true };
      return [{ action: backup, change: "create" }, { action, change: "update" }, ...clearBeside(file, input)];
    }
    case "not-a-file":
      return [
        { action, change: "conflict", why: `a ${there?.status?.kind} is in the place of this file`, next: aside },
      ];
    case "foreign":
      return [
        { action, change: "conflict", why: "this file is there and was not written by mosaic-fleet", next: aside },
      ];
  }
}

function putBeside(file: WantedFile, input: PlanInput): Step[] {
  const path = besideOf(file.path);
  const action: WriteFile = { kind: "write-file", path, mode: file.mode, text: file.text, sha256: file.sha256 };
  const there = input.found.get(path);
  if (there?.status === undefined) return [{ action, change: "create" }];
  if (there.sha256 === file.sha256) return [{ action, change: "none" }];
  const ours = [...knownSums(input.recorded, path), ...knownSums(input.recorded, file.path)];
  if (there.status.kind === "file" && there.sha256 !== undefined && ours.includes(there.sha256))
    return [{ action, change: "update" }];
  return [{ action, change: "conflict", why: "this file is not ours, and in the way", next: moveAside(path, "yours") }];
}

/** What was put beside a file has been dealt with. */
function clearBeside(file: Pick<WantedFile, "path">, input: PlanInput): Step[] {
  const path = besideOf(file.path);
  const sums = [...knownSums(input.recorded, path), ...knownSums(input.recorded, file.path)];
  const sha256 = input.found.get(path)?.sha256;
  return sha256 !== undefined && sums.includes(sha256)
    ? [{ action: { kind: "remove-file", path, sums }, change: "remove" }]
    : [];
}

/** Files of the layout before that this one does not have. */
function planDropped(input: PlanInput): Step[] {
  const wanted = new Set(input.wanted.flatMap(({ path }) => [path, besideOf(path)]));
  return (input.recorded?.files ?? []).flatMap(({ path }): Step[] => {
    const there = input.found.get(path);
    if (wanted.has(path) || there?.status === undefined) return [];
    const sums = knownSums(input.recorded, path);
    const action = { kind: "remove-file", path, sums } as const;
    if (there.sha256 !== undefined && sums.includes(there.sha256)) return [{ action, change: "remove" }];
    return [
      {
        action,
        change: "keep",
        why: "this version does not have it any more, but you have changed it: it stays",
        next: `rm ${shellWord(path)}`,
      },
    ];
  });
}
