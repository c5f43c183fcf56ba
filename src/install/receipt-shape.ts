import type { Receipt } from "./receipt-schema.ts";

type Test = (value: unknown) => boolean;

/**
 * Whether a value is a receipt exactly as this version writes it, with nothing else in it. What is not may still be one: the
 * schema tells. It takes longer to load than all else that is done about a receipt.
 */
export function isAsWritten(value: unknown): value is Receipt {
  return fits(value, RECEIPT, MORE_OF_RECEIPT);
}

const isText: Test = (value) => typeof value === "string";
const isTrue: Test = (value) => value === true;
const isBoolean: Test = (value) => typeof value === "boolean";
const areTexts: Test = (value) => Array.isArray(value) && value.every(isText);
/** As Date writes it: of what the schema takes a part. */
const isTime: Test = (value) =>
  typeof value === "string" && !Number.isNaN(Date.parse(value)) && new Date(value).toISOString() === value;

const FILE = { path: isText, sha256: isText, mode: (value: unknown) => typeof value === "number" };
const MORE_OF_FILE = { pending: areTexts, added: isTrue, undecided: isTrue, removed: isTrue, edited: isTrue };
const areFiles: Test = (value) => Array.isArray(value) && value.every((file) => fits(file, FILE, MORE_OF_FILE));

const MORE_OF_ACTION = { path: isText, to: isText, units: areTexts, on: isBoolean };
const areActions: Test = (value) =>
  Array.isArray(value) && value.every((action) => fits(action, { kind: isText }, MORE_OF_ACTION));

const RECEIPT = {
  schemaVersion: (value: unknown) => value === 2,
  version: isText,
  writtenAt: isTime,
  phase: (value: unknown) => value === "applying" || value === "applied",
  folders: areTexts,
  enabled: areTexts,
  files: areFiles,
  linger: isBoolean,
  previous: (value: unknown) => value === null || fits(value, { version: isText, files: areFiles }),
  texts: (value: unknown) => isObject(value) && Object.values(value).every(isText),
} satisfies Record<string, Test>;
const MORE_OF_RECEIPT = {
  to: (value: unknown) => value === null || isText(value),
  run: (value: unknown) => fits(value, { command: isText, actions: areActions, progress: isText }),
  seeded: (value: unknown) => fits(value, { path: isText, sha256: isText }, { added: isTrue }),
};

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Every one of `must` is there, and nothing that is neither in it nor in `may`. */
function fits(value: unknown, must: Readonly<Record<string, Test>>, may: Readonly<Record<string, Test>> = {}): boolean {
  if (!isObject(value)) return false;
  const known: Readonly<Record<string, Test>> = { ...may, ...must };
  return (
    Object.keys(must).every((name) => Object.hasOwn(value, name)) &&
    Object.entries(value).every(([name, item]) => Object.hasOwn(known, name) && known[name]?.(item))
  );
}
