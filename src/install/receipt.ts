import { z } from "zod";
import type { Host } from "../core/host.ts";

const fileSchema = z.object({
  path: z.string(),
  /** What we last wrote there, or offered: put beside a file that the user had changed, or not put back. */
  sha256: z.string(),
  mode: z.number(),
  /** While applying: what else of ours may still be there. */
  before: z.array(z.string()).optional(),
});

const common = {
  /** The version of the binary that wrote it. */
  version: z.string(),
  writtenAt: z.iso.datetime(),
  /** "applying" in a receipt that was never finished: the run was killed. */
  phase: z.enum(["applying", "applied"]),
  files: z.array(fileSchema),
  /** Folders that were not there before, outermost first. */
  folders: z.array(z.string()),
  /** Units enabled by install. */
  enabled: z.array(z.string()),
};

const version1 = z.object({ schemaVersion: z.literal(1), ...common });

/** What install has done, so that a later run knows what is ours. Receipts of every released version stay readable. */
export const receiptSchema = z.object({
  schemaVersion: z.literal(2),
  ...common,
  /** Whether install has turned lingering on. */
  linger: z.boolean(),
  /** The layout that this one took the place of, for a rollback; null before the first upgrade. */
  previous: z
    .object({
      version: z.string(),
      files: z.array(z.object({ path: z.string(), mode: z.number(), text: z.string() })),
    })
    .nullable(),
});

export type Receipt = z.infer<typeof receiptSchema>;

/** Every content of a file that we may have left there: one, but for a run that was killed. */
export function knownSums(receipt: Receipt | undefined, path: string): string[] {
  const file = receipt?.files.find((each) => each.path === path);
  return file === undefined ? [] : [...new Set([file.sha256, ...(file.before ?? [])])];
}

const readable = z.union([
  receiptSchema,
  version1.transform((receipt): Receipt => ({ ...receipt, schemaVersion: 2, linger: false, previous: null })),
]);

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
