import { dirname } from "node:path";
import type { Unit } from "../adapters/systemd.ts";
import type { Host } from "../core/host.ts";
import { HOLDER_UNIT } from "../core/names.ts";
import { changes, type Plan } from "./action.ts";
import type { OwnedFile } from "./assets.ts";
import type { WantedFile } from "./judge.ts";
import type { Receipt, RecordedFile } from "./receipt.ts";
import { sha256 } from "./sum.ts";

/** The files of one version. */
export interface Layout {
  readonly version: string;
  readonly files: readonly OwnedFile[];
}

export function sumsOf(files: readonly OwnedFile[]): WantedFile[] {
  return files.map((file) => ({ ...file, sha256: sha256(file.text) }));
}

/** What is to be recorded of a plan when it is done. */
export function receiptAfter(
  seen: {
    readonly plan: Plan & { readonly removed: readonly string[] };
    readonly layout: Layout;
    readonly recorded: Receipt | undefined;
    readonly holder: Unit | undefined;
    readonly lingers: boolean | undefined;
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
  const previous = previousOf(recorded, layout.version);
  const known = { ...recorded?.texts, ...textsThere(plan, recorded) };
  const texts = Object.fromEntries([
    ...(previous?.files ?? []).flatMap(({ sha256 }) => (known[sha256] === undefined ? [] : [[sha256, known[sha256]]])),
    ...wanted.map(({ sha256, text }) => [sha256, text]),
  ]);
  // What the user has undone since, and may do again, is no longer ours to undo.
  const enabled = seen.holder?.fileState === "enabled" ? (recorded?.enabled ?? []) : [];
  return {
    schemaVersion: 2,
    version: layout.version,
    writtenAt: date.toISOString(),
    phase: "applied",
    files,
    folders: [...new Set([...(recorded?.folders ?? []), ...folders])],
    enabled: did("enable") ? [HOLDER_UNIT] : enabled,
    linger: did("linger") || (recorded?.linger === true && seen.lingers !== false),
    previous,
    texts,
  };
}

/** What this layout takes the place of. A layout that was never finished is none to go back to. */
function previousOf(recorded: Receipt | undefined, version: string): Receipt["previous"] {
  if (recorded === undefined) return null;
  if (recorded.version === version || recorded.phase === "applying")
    return recorded.previous?.version === version ? null : recorded.previous;
  return { version: recorded.version, files: recorded.files };
}

/** Contents of ours that are on the disk: version 1 recorded none. */
function textsThere(plan: Plan, recorded: Receipt | undefined): Record<string, string> {
  const ours = new Set(recorded?.files.map((file) => file.sha256));
  return Object.fromEntries(
    plan.steps.flatMap(({ was }) => (was !== undefined && ours.has(sha256(was)) ? [[sha256(was), was]] : [])),
  );
}

/** The layout to go back to; of a file whose earlier content is not known, the one that is there now. */
export function previousLayout({ previous, files, texts }: Receipt): Layout | undefined {
  if (previous === null) return undefined;
  return {
    version: previous.version,
    files: previous.files.flatMap(({ path, mode, sha256 }) => {
      const text = texts[sha256] ?? texts[files.find((file) => file.path === path)?.sha256 ?? ""];
      return text === undefined ? [] : [{ path, mode, text }];
    }),
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
