import type { Host } from "../core/host.ts";
import { z } from "../core/schema.ts";

/** What install has done, so that a later run knows what is ours. Receipts of every released version stay readable. */
export const receiptSchema = z.object({
  schemaVersion: z.literal(1),
  /** The version of the binary that wrote it. */
  version: z.string(),
  writtenAt: z.iso.datetime(),
  /** "applying" in a receipt that was never finished: the run was killed. */
  phase: z.enum(["applying", "applied"]),
  files: z.array(
    z.object({
      path: z.string(),
      sha256: z.string(),
      mode: z.number(),
      /** While applying: what else of ours may still be there. */
      before: z.array(z.string()).optional(),
    }),
  ),
  /** Folders that were not there before, outermost first. */
  folders: z.array(z.string()),
  /** Units enabled by install. */
  enabled: z.array(z.string()),
});

export type Receipt = z.infer<typeof receiptSchema>;

/** Every content of a file that we may have left there: one, but for a run that was killed. */
export function knownSums(receipt: Receipt | undefined, path: string): string[] {
  const file = receipt?.files.find((each) => each.path === path);
  return file === undefined ? [] : [...new Set([file.sha256, ...(file.before ?? [])])];
}

/** undefined when there is none; "unreadable" when there is one that this version cannot read. */
export async function readReceipt(
  host: Pick<Host, "files">,
  path: string,
): Promise<Receipt | undefined | "unreadable"> {
  const text = await host.files.read(path);
  if (text === undefined) return undefined;
  try {
    return receiptSchema.parse(JSON.parse(text));
  } catch {
    return "unreadable";
  }
}
