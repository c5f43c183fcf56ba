import { bytesAsLetters, parseEnvFile, type Statement, statements, utf8 } from "./env-file.ts";

/** Words that mean to systemd what they mean to everybody. */
const BARE = /^(?:[\w@%+=:,./~-]+(?: [\w@%+=:,./~-]+)*)?$/;

/** An assignment as it stands in an environment file, so that systemd reads exactly this value. */
export function settingLine(key: string, value: string): string {
  return `${key}=${BARE.test(value) ? value : `"${value.replace(/["\\`$]/g, "\\$&")}"`}`;
}

/** Why no environment file can hold a value; undefined where one can. */
export function unwritable(value: string): string | undefined {
  if (value.includes("\0")) return "has a NUL byte in it, which no variable can hold";
  if (!value.isWellFormed() || utf8(bytesAsLetters(value)) === undefined)
    return "has something in it that is no text to systemd (half a character, or one that Unicode has none for)";
  return undefined;
}

/** What is to become of a file's variables: a value, or undefined to take it away. */
export type EnvChanges = ReadonlyMap<string, string | undefined>;

/** Versions of systemd that differ in what a comment with a backslash at its end is. */
const READERS = [252, 254];

/**
 * The file with these changes: the last assignment of a variable is written anew where it stands, a new one goes to the
 * end, and every other byte stays. undefined where systemd would then not read exactly that, in one of its versions: an open
 * quote swallows what follows, a NUL loses all.
 */
export function editEnvFile(bytes: Uint8Array, changes: EnvChanges): Uint8Array | undefined {
  const letters = bytesAsLetters(bytes);
  const assigned = statements(letters, READERS[0] as number).filter(({ kind }) => kind === "assignment");
  const edits: Edit[] = [];
  const added: string[] = [];
  const was = variablesOf(bytes, READERS[0] as number);
  for (const [key, value] of changes) {
    if (was.get(key) === value) continue;
    const own = assigned.filter((statement) => statement.key === key);
    const last = own.at(-1);
    if (value === undefined) edits.push(...own.map((statement) => wholeLines(letters, statement)));
    else if (last === undefined) added.push(settingLine(key, value));
    else edits.push({ start: last.start, end: last.end, text: bytesAsLetters(settingLine(key, value)) });
  }
  const edited = edits
    .sort((a, b) => b.start - a.start)
    .reduce((text, { start, end, text: becomes }) => text.slice(0, start) + becomes + text.slice(end), letters);
  const more = added.map((line) => bytesAsLetters(`${line}\n`)).join("");
  // What ends with a backslash goes on in the next line, which then has to be an empty one.
  const gaps = more === "" ? [""] : [/(^|[\r\n])$/.test(edited) ? "" : "\n", "\n\n"];
  return gaps
    .map((gap) => Uint8Array.from(edited + gap + more, (letter) => letter.charCodeAt(0)))
    .find((result) => READERS.every((version) => isEdited(bytes, result, changes, version)));
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** With the blanks before it and the line end behind it. */
function wholeLines(letters: string, { start, end }: Statement): Edit {
  const from = start - (/[ \t]*$/.exec(letters.slice(0, start))?.[0].length ?? 0);
  const lineEnd = /^(?:\r\n|\r|\n)?/.exec(letters.slice(end))?.[0].length ?? 0;
  return { start: from, end: end + lineEnd, text: "" };
}

function variablesOf(bytes: Uint8Array, version: number): Map<string, string> {
  return new Map(parseEnvFile(bytes, version).map(({ key, value }) => [key, value]));
}

function isEdited(before: Uint8Array, after: Uint8Array, changes: EnvChanges, version: number): boolean {
  const wanted = variablesOf(before, version);
  for (const [key, value] of changes) {
    if (value === undefined) wanted.delete(key);
    else wanted.set(key, value);
  }
  const found = variablesOf(after, version);
  return found.size === wanted.size && [...wanted].every(([key, value]) => found.get(key) === value);
}
