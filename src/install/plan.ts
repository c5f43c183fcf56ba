import type { FileStatus } from "../core/host.ts";
import { HOLDER_UNIT } from "../core/names.ts";
import { moveAside } from "../core/shell.ts";
import type { Action, Plan, Step } from "./action.ts";
import type { OwnedFile } from "./assets.ts";
import { knownSums, type Receipt } from "./receipt.ts";

/** What is at a path now; `sha256` only for a regular file. */
export interface Found {
  readonly status: FileStatus | undefined;
  readonly sha256: string | undefined;
}

export interface PlanInput {
  readonly wanted: readonly (OwnedFile & { readonly sha256: string })[];
  readonly folders: readonly string[];
  readonly found: ReadonlyMap<string, Found>;
  readonly recorded: Receipt | undefined;
  readonly enable: boolean;
  readonly enabled: boolean;
  readonly now: boolean;
  readonly running: boolean;
}

/** Wanted, recorded and found become actions. Pure: nothing is looked up and nothing is done. */
export function planInstall(input: PlanInput): Plan {
  const folders = input.folders.map((path): Step => {
    const status = input.found.get(path)?.status;
    const action: Action = { kind: "make-folder", path };
    if (status === undefined) return { action, change: "create" };
    if (status.kind === "folder" || status.kind === "link") return { action, change: "none" };
    return {
      action,
      change: "conflict",
      why: "a file is in the place of this folder",
      next: moveAside(path, "yours"),
    };
  });
  const files = input.wanted.map((file) => planFile(file, input));
  // A run that was killed may have written files that the manager has not read.
  const written =
    input.recorded?.phase === "applying" || files.some(({ change }) => change === "create" || change === "update");
  return {
    steps: [
      ...folders,
      ...files,
      { action: { kind: "daemon-reload" }, change: written ? "update" : "none" },
      ...(input.enable
        ? [{ action: { kind: "enable", unit: HOLDER_UNIT }, change: input.enabled ? "none" : "update" } as const]
        : []),
      ...(input.now
        ? [{ action: { kind: "start", unit: HOLDER_UNIT }, change: input.running ? "none" : "update" } as const]
        : []),
    ],
  };
}

function planFile(file: OwnedFile & { sha256: string }, input: PlanInput): Step {
  const action: Action = { kind: "write-file", path: file.path, mode: file.mode, text: file.text, sha256: file.sha256 };
  const there = input.found.get(file.path);
  if (there?.status === undefined) return { action, change: "create" };
  const aside = moveAside(file.path, "yours");
  if (there.status.kind !== "file")
    return { action, change: "conflict", why: `a ${there.status.kind} is in the place of this file`, next: aside };
  if (there.sha256 === file.sha256) return { action, change: there.status.mode === file.mode ? "none" : "update" };
  const ours = knownSums(input.recorded, file.path);
  if (ours.length === 0)
    return { action, change: "conflict", why: "this file is there and was not written by mosaic-fleet", next: aside };
  if (there.sha256 === undefined || !ours.includes(there.sha256))
    return { action, change: "conflict", why: "this file was edited since mosaic-fleet wrote it", next: aside };
  return { action, change: "update" };
}
