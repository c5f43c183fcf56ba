import { z } from "zod";
import type { Host } from "../core/host.ts";

const fileSchema = z.object({
  path: z.string(),
  /** What we last wrote there, or offered: put beside a file that the user had changed, or not put back. */
  sha256: z.string(),
  mode: z.number(),
  /** While applying: what else of ours may be there. */
  pending: z.array(z.string()).optional(),
  /** While applying: it is of the layout that is to come only. */
  added: z.literal(true).optional(),
  /** While applying: ours lay beside it, undecided. */
  undecided: z.literal(true).optional(),
  /** The user has removed it, and it was left at that. */
  removed: z.literal(true).optional(),
  /** Of a layout that was replaced: the user's version of it stayed then. */
  edited: z.literal(true).optional(),
});

const common = {
  /** The version of the binary that wrote it. */
  version: z.string(),
  writtenAt: z.iso.datetime(),
  /** "applying" in a receipt that was never finished: the run was killed. */
  phase: z.enum(["applying", "applied"]),
  /** Folders that were not there before, outermost first. */
  folders: z.array(z.string()),
  /** Units enabled by install. */
  enabled: z.array(z.string()),
};

/** What install has done, so that a later run knows what is ours. Receipts of every released version stay readable. */
export const receiptSchema = z.object({
  schemaVersion: z.literal(2),
  ...common,
  /** While applying: the version that is to come; null for none. `version` is the one from before, unless there was none. */
  to: z.string().nullable().optional(),
  files: z.array(fileSchema),
  /** Whether install has turned lingering on. */
  linger: z.boolean(),
  /** The layout that this one took the place of, for a rollback; null before the first upgrade. */
  previous: z.object({ version: z.string(), files: z.array(fileSchema) }).nullable(),
  /** Contents by their hash, of the files in the two above; some of a layout that version 1 recorded are not known. */
  texts: z.record(z.string(), z.string()),
});

export type Receipt = z.infer<typeof receiptSchema>;
export type RecordedFile = Receipt["files"][number];

const version1 = z.object({
  schemaVersion: z.literal(1),
  ...common,
  files: z.array(
    z.object({ path: z.string(), sha256: z.string(), mode: z.number(), before: z.array(z.string()).optional() }),
  ),
});

/** In version 1 the hash was that of the run which had been killed, with those before it beside; now it is the other way round. */
function upgraded({ files, ...rest }: z.infer<typeof version1>): Receipt {
  return {
    ...rest,
    schemaVersion: 2,
    files: files.map(({ before = [], sha256, ...file }): RecordedFile => {
      const [settled, ...older] = before;
      return settled === undefined ? { ...file, sha256 } : { ...file, sha256: settled, pending: [sha256, ...older] };
    }),
    linger: false,
    previous: null,
    texts: {},
  };
}

const readable = z.union([receiptSchema, version1.transform(upgraded)]);

/** Every content of a file that we may have left there: one, but for a run that was killed. */
export function knownSums(receipt: Receipt | undefined, path: string): string[] {
  const file = receipt?.files.find((each) => each.path === path);
  return file === undefined ? [] : [...new Set([file.sha256, ...(file.pending ?? [])])];
}

/** undefined when there is none; "unreadable" when there is one that this version cannot read. */
export async function readReceipt(
  host: Pick<Host, "files">,
  path: string,
): Promise<Receipt | undefined | "unreadable"> {
  const text = await host.files.read(path);
  if (text === undefined) return undefined;
  try {
    return readable.parse(JSON.parse(text));
  } catch {
    return "unreadable";
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
  return {
    ...base,
    phase: "applying",
    to: after?.version ?? null,
    files: [...files.values()],
    folders: [...new Set([...(before?.folders ?? []), ...(after?.folders ?? [])])],
    enabled: [...new Set([...(before?.enabled ?? []), ...(after?.enabled ?? [])])],
    linger: (before?.linger ?? false) || (after?.linger ?? false),
    texts: { ...before?.texts, ...after?.texts },
  };
}

/** The files of a layout as it was before a run that was killed. */
export function settledFiles({ files }: Pick<Receipt, "files">): RecordedFile[] {
  return files.flatMap(({ pending: _, undecided: __, added, ...file }) => (added ? [] : [file]));
}
