import type { FileStatus } from "../core/host.ts";
import type { OwnedFile } from "./assets.ts";
import { knownSums, type Receipt } from "./receipt.ts";

/** What is at a path now; text and hash only of a regular file. */
export interface Found {
  readonly status: FileStatus | undefined;
  readonly text: string | undefined;
  readonly sha256: string | undefined;
}

export type WantedFile = OwnedFile & { readonly sha256: string };

/** What the user has said about files that the user has changed, and about those that the user has removed. */
export interface Decisions {
  /** Ours is wanted; theirs is kept under another name. */
  readonly taken: ReadonlySet<string>;
  /** Theirs stays, and ours need not lie beside it. */
  readonly kept: ReadonlySet<string>;
  /** Put back what was removed. */
  readonly restore: boolean;
}

/** Where our version of a file is put that the user has changed, too. As long as it lies there, nothing is decided. */
export function besideOf(path: string): string {
  return `${path}.mosaic-new`;
}

/** Three hashes decide about a file: what we last wrote or offered, what is there now, what this version brings. */
export type Judgement =
  | "create"
  | "same"
  /** Ours, but for its mode. */
  | "mode"
  | "update"
  | "edited"
  | "removed"
  | "undecided"
  /** Edited, and the user wants ours. */
  | "taken"
  | "not-a-file"
  | "foreign";

export function judge(
  file: WantedFile,
  found: ReadonlyMap<string, Found>,
  recorded: Receipt | undefined,
  { taken, kept, restore }: Decisions,
): Judgement {
  const there = found.get(file.path);
  const entry = recorded?.files.find(({ path }) => path === file.path);
  if (there?.status === undefined) {
    if (entry === undefined || restore) return "create";
    return entry.removed || recorded?.phase === "applied" ? "removed" : "create";
  }
  if (there.status.kind !== "file" || there.sha256 === undefined) return "not-a-file";
  if (there.sha256 === file.sha256) return there.status.mode === file.mode ? "same" : "mode";
  if (entry === undefined) return "foreign";
  if (knownSums(recorded, file.path).includes(there.sha256)) return "update";
  if (taken.has(file.path)) return "taken";
  if (kept.has(file.path)) return "edited";
  const offered = entry.sha256 === file.sha256 && !entry.undecided;
  return offered && found.get(besideOf(file.path))?.sha256 !== file.sha256 ? "edited" : "undecided";
}
