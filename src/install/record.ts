import { dirname } from "node:path";
import { sha256 } from "../adapters/sum.ts";
import type { Host } from "../core/host.ts";
import { HOLDER_UNIT } from "../core/names.ts";
import { changes, type Kept, keeps, type Plan } from "./action.ts";
import type { OwnedFile } from "./assets.ts";
import type { WantedFile } from "./judge.ts";
import type { Manager } from "./manager.ts";
import type { LayoutPlan } from "./plan.ts";
import { type Receipt, type RecordedFile, settledFiles } from "./receipt.ts";

/** The files of one version. */
export interface Layout {
  readonly version: string;
  readonly files: readonly OwnedFile[];
  /** Files of which the user had a version of their own when this layout was replaced: they have seen ours. */
  readonly edited?: readonly string[];
}

export function sumsOf(files: readonly OwnedFile[]): WantedFile[] {
  return files.map((file) => ({ ...file, sha256: sha256(file.text) }));
}

/** What is to be recorded of a plan when it is done. */
export function receiptAfter(
  seen: {
    readonly plan: LayoutPlan;
    readonly layout: Layout;
    readonly recorded: Receipt | undefined;
    readonly manager: Manager;
    readonly lingers: boolean | undefined;
    /** Whether the settings file is there. */
    readonly seed: { readonly there: boolean };
  },
  folders: readonly string[],
  date: Date,
): Receipt {
  const { plan, layout, recorded } = seen;
  const did = (kind: "enable" | "linger") => changes(plan).some(({ action }) => action.kind === kind);
  const wanted = sumsOf(layout.files);
  const files = wanted.map(
    ({ path, sha256, mode }): RecordedFile => ({
      path,
      sha256,
      mode,
      ...(plan.removed.includes(path) ? { removed: true } : {}),
    }),
  );
  const previous = previousOf(recorded, plan, layout.version);
  const known = { ...recorded?.texts, ...textsThere(plan, recorded) };
  const texts = Object.fromEntries([
    ...(previous?.files ?? []).flatMap(({ sha256 }) => (known[sha256] === undefined ? [] : [[sha256, known[sha256]]])),
    ...wanted.map(({ sha256, text }) => [sha256, text]),
  ]);
  // What the user has undone since, and may do again, is no longer ours to undo.
  const enabled = seen.manager.enabled ? (recorded?.enabled ?? []) : [];
  return {
    schemaVersion: 2,
    version: layout.version,
    writtenAt: date.toISOString(),
    phase: "applied",
    files,
    folders: [...new Set([...(recorded?.folders ?? []), ...folders])],
    enabled: did("enable") ? [HOLDER_UNIT] : enabled,
    ...seededAfter(plan, recorded, seen.seed.there),
    linger: did("linger") || (recorded?.linger === true && seen.lingers !== false),
    previous,
    texts,
  };
}

/** A settings file that is written, or was: what a run that was killed had not got to is none of ours. */
function seededAfter(plan: Plan, recorded: Receipt | undefined, there: boolean): Pick<Receipt, "seeded"> {
  for (const { action } of changes(plan)) {
    if (action.kind === "seed-file") return { seeded: { path: action.path, sha256: action.sha256 } };
    if (action.kind === "remove-file" && action.path === recorded?.seeded?.path) return {};
  }
  if (recorded?.seeded === undefined) return {};
  const { added, ...seeded } = recorded.seeded;
  if (added && !there) return {};
  return { seeded };
}

/** What this layout takes the place of. */
function previousOf(recorded: Receipt | undefined, plan: Plan, version: string): Receipt["previous"] {
  if (recorded === undefined) return null;
  if (recorded.version === version) return recorded.previous;
  const edited = new Set(
    keeps(plan).flatMap(({ action, kept }) => (isEdit(kept) && "path" in action ? [action.path] : [])),
  );
  return {
    version: recorded.version,
    files: settledFiles(recorded).map(({ removed: _, ...file }) => ({
      ...file,
      ...(edited.has(file.path) ? { edited: true } : {}),
    })),
  };
}

function isEdit(kept: Kept): boolean {
  return kept === "edited" || kept === "undecided";
}

/** Contents of ours that are on the disk: version 1 recorded none. */
function textsThere(plan: Plan, recorded: Receipt | undefined): Record<string, string> {
  const ours = new Set(recorded?.files.map((file) => file.sha256));
  return Object.fromEntries(
    plan.steps.flatMap(({ was }) => (was !== undefined && ours.has(sha256(was)) ? [[sha256(was), was]] : [])),
  );
}

/**
 * The layout to go back to: the one before; while an upgrade was under way, the one that it was to replace. Of a file
 * whose earlier content is not known, what was written last.
 */
export function layoutBefore(recorded: Receipt): Layout | undefined {
  const { previous, phase, to = null, version } = recorded;
  const upgrading = phase === "applying" && to !== null && to !== version && to !== previous?.version;
  const layout = upgrading ? recorded : previous;
  return layout === null ? undefined : layoutOf(layout, recorded);
}

/** The layout that is laid out. */
export function layoutNow(recorded: Receipt): Layout {
  return layoutOf(recorded, recorded);
}

function layoutOf(layout: Pick<Receipt, "version" | "files">, { files, texts }: Receipt): Layout {
  return {
    version: layout.version,
    files: settledFiles(layout).flatMap(({ path, mode, sha256 }) => {
      const text = texts[sha256] ?? texts[files.find((file) => file.path === path)?.sha256 ?? ""];
      return text === undefined ? [] : [{ path, mode, text }];
    }),
    edited: layout.files.flatMap(({ path, edited }) => (edited ? [path] : [])),
  };
}

/** The folders that a plan will make, outermost first: recorded before the first of them is made. */
export async function missingFolders(host: Host, plan: Plan): Promise<string[]> {
  const missing = new Set<string>();
  for (const { action } of changes(plan)) {
    if (action.kind !== "make-folder" && action.kind !== "write-file") continue;
    let folder = action.kind === "make-folder" ? action.path : dirname(action.path);
    while (!missing.has(folder) && (await host.files.status(folder)) === undefined) {
      missing.add(folder);
      folder = dirname(folder);
    }
  }
  return [...missing].sort();
}
