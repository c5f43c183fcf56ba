import { z } from "../core/schema.ts";

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

const runSchema = z.object({
  /** install, rollback, uninstall. */
  command: z.string(),
  actions: z.array(
    z.object({
      kind: z.string(),
      path: z.string().optional(),
      to: z.string().optional(),
      units: z.array(z.string()).optional(),
      on: z.boolean().optional(),
    }),
  ),
  /** A letter for each, as MARK has them. */
  progress: z.string(),
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
  /** While applying: what this run does, in order, and how far it has got with each. */
  run: runSchema.optional(),
  /** Whether install has turned lingering on. */
  linger: z.boolean(),
  /** The settings file that install wrote where there was none: the user's since. While applying, `added`: nobody was told of it yet. */
  seeded: z.object({ path: z.string(), sha256: z.string(), added: z.literal(true).optional() }).optional(),
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

/** A receipt of any released version, as one of this one. */
export const readable = z.union([receiptSchema, version1.transform(upgraded)]);
