import type { Host } from "../core/host.ts";
import { VERSION } from "../core/versions.ts";
import { asFarAsItGot } from "./receipt-run.ts";
import type { Receipt, RecordedFile } from "./receipt-schema.ts";
import { isAsWritten } from "./receipt-shape.ts";

export type { Receipt, RecordedFile };

/** Every content of a file that we may have left there: one, but for a run that was killed. */
export function knownSums(receipt: Receipt | undefined, path: string): string[] {
  const file = receipt?.files.find((each) => each.path === path);
  return file === undefined ? [] : [...new Set([file.sha256, ...(file.pending ?? [])])];
}

/**
 * A receipt, as far as its run has got; undefined when there is none; "unreadable" when there is one that this version cannot read. Throws when it is no file, or may
 * not be read.
 */
export async function readReceipt(
  host: Pick<Host, "files">,
  path: string,
): Promise<Receipt | undefined | "unreadable"> {
  const status = await host.files.status(path);
  if (status === undefined) return undefined;
  // Not followed: what a link leads to is nothing that install has written. And a pipe would never end.
  if (status.kind !== "file")
    throw new Error(`${status.kind === "other" ? "no file" : `a ${status.kind}`} is in its place`);
  const text = await host.files.read(path);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (isAsWritten(value)) return asFarAsItGot(value);
    const { readable } = await import("./receipt-schema.ts");
    return asFarAsItGot(readable.parse(value));
  } catch {
    return "unreadable";
  }
}

/** The version of mosaic-fleet that wrote a receipt in a way which only later ones know; undefined where that is not what keeps it from being read. */
export async function laterWriter(host: Pick<Host, "files">, path: string): Promise<string | undefined> {
  try {
    const { schemaVersion, version } = JSON.parse((await host.files.read(path)) ?? "");
    return schemaVersion > 2 && VERSION.test(version) ? version : undefined;
  } catch {
    return undefined;
  }
}

/** What is recorded about a run. */
export interface Records {
  /** As it was; undefined for none. */
  readonly before: Receipt | undefined;
  /** As it will be; undefined for none. */
  readonly after: Receipt | undefined;
  /** Files that the user had removed, and that stay removed. */
  readonly removed: readonly string[];
  /** Files beside which ours lies, and will not any more. */
  readonly undecided: readonly string[];
}

/**
 * What a run leaves that is killed before it ends: the receipt from before, with every content that any file of the
 * layouts before and after may have then.
 */
export function unfinished({ before, after, removed, undecided }: Records): Receipt {
  const base = before ?? after;
  if (base === undefined) throw new Error("a run that begins and ends with nothing installed");
  const files = new Map<string, RecordedFile>();
  const added = after?.files.map((file) => (before === undefined ? file : { ...file, added: true as const }));
  for (const file of [...(before?.files ?? []), ...(added ?? [])]) {
    const { removed: _, ...settled } = files.get(file.path) ?? file;
    const known = new Set([...knownSums(before, file.path), ...knownSums(after, file.path)]);
    known.delete(settled.sha256);
    files.set(file.path, {
      ...settled,
      ...(known.size > 0 ? { pending: [...known] } : {}),
      ...(removed.includes(file.path) ? { removed: true } : {}),
      ...(undecided.includes(file.path) ? { undecided: true } : {}),
    });
  }
  const seeded = before?.seeded ?? (after?.seeded && { ...after.seeded, added: true as const });
  const { run: _, ...settled } = base;
  return {
    ...settled,
    ...(seeded === undefined ? {} : { seeded }),
    phase: "applying",
    to: after?.version ?? null,
    files: [...files.values()],
    folders: [...new Set([...(before?.folders ?? []), ...(after?.folders ?? [])])],
    // What is turned on and off is told by how far the run has got.
    enabled: before?.enabled ?? [],
    linger: before?.linger ?? false,
    texts: { ...before?.texts, ...after?.texts },
  };
}

/** The files of a layout as it was before a run that was killed. */
export function settledFiles({ files }: Pick<Receipt, "files">): RecordedFile[] {
  return files.flatMap(({ pending: _, undecided: __, added, ...file }) => (added ? [] : [file]));
}
