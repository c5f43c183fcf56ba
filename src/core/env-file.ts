/** One assignment in an environment file. */
export interface Assignment {
  readonly key: string;
  readonly value: string;
}

/** What can be the name of a variable. */
export const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A pair of quotes; `end` is the line of the closing one, undefined when there is none. */
export interface Quote {
  readonly line: number;
  readonly end: number | undefined;
}

/** What systemd takes for one thing: an assignment, a comment, or a line that is neither. Texts are bytes as letters. */
export interface Statement {
  readonly kind: "assignment" | "comment" | "neither";
  /** Where it starts, from 1. */
  readonly line: number;
  /** Its bytes in the file: from its first letter to the line end that ends it, or to the end of the file. */
  readonly start: number;
  readonly end: number;
  /** What stands before the first "=", without the blanks around; all of a line that is neither. */
  readonly key: string;
  readonly value: string;
  /** How each byte of the value is written: b bare, s in single quotes, d in double quotes, e after a backslash. */
  readonly how: string;
  readonly quotes: readonly Quote[];
  /** Places in the value where blanks after a closing quote were dropped. */
  readonly gaps: readonly number[];
  /** Places in the value where a backslash has joined the next line to it. */
  readonly joints: readonly number[];
  /** A backslash takes the line end after it away: that of a comment, or the CR of a CRLF. */
  readonly joined: boolean;
}

/**
 * Reads an environment file as systemd does (EnvironmentFile=), which is not as a shell does: no $VAR, no ~, no
 * `export`; quotes join lines; # and ; start a comment only at the start of a line; a later line wins. Nothing is read
 * from a file that has a NUL, or an assignment that is not UTF-8: systemd gives the whole file up, a unit without the
 * "-" in EnvironmentFile=-… does not start. `version` is systemd's: until 253 a comment that ends with a backslash goes
 * on in the next line (systemd#27975). Later sources differ in nothing else; some before 252 also left out values with
 * control characters.
 */
export function parseEnvFile(file: string | Uint8Array, version = 252): Assignment[] {
  const text = bytesAsLetters(file);
  if (text.includes("\0")) return [];
  const found: Assignment[] = [];
  for (const statement of statements(text, version)) {
    if (statement.kind !== "assignment") continue;
    const key = utf8(statement.key);
    const value = utf8(statement.value);
    if (key === undefined || value === undefined) return [];
    if (VARIABLE_NAME.test(key)) found.push({ key, value });
  }
  return found;
}

/** A letter for each byte: what is special to systemd is ASCII, and not all that it is given is text. */
export function bytesAsLetters(file: string | Uint8Array): string {
  const bytes = typeof file === "string" ? new TextEncoder().encode(file) : file;
  let letters = "";
  for (const byte of bytes) letters += String.fromCharCode(byte);
  return letters;
}

/** The text behind bytes as letters; undefined when it is not what systemd calls UTF-8, which has no noncharacters. */
export function utf8(letters: string): string | undefined {
  if (!/[^\0-\x7f]/.test(letters)) return letters;
  const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return /\p{Noncharacter_Code_Point}/u.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

type State = "start" | "key" | "before" | "value" | "escape" | "single" | "double" | "double-escape" | "comment";

/** Splits a file, given as bytes for letters, by the states of systemd's env-file.c. */
export function statements(text: string, version: number): Statement[] {
  const found: Statement[] = [];
  let state = "start" as State;
  let line = 1;
  let from = 1;
  let start = 0;
  let index = 0;
  let key = "";
  let value = "";
  let how = "";
  let kept = 0; // a bare value is cut here: what follows is white space
  let quotes: Quote[] = [];
  let gaps: number[] = [];
  let joints: number[] = [];
  let gap = false;
  let joined = false;
  const push = (kind: Statement["kind"]) => {
    const end = state === "value" ? kept : value.length;
    const written = { key: key.replace(/[ \t]+$/, ""), value: value.slice(0, end), how: how.slice(0, end) };
    found.push({
      kind,
      line: from,
      start,
      end: Math.min(index, text.length),
      ...written,
      quotes,
      gaps,
      joints,
      joined,
    });
    key = value = how = "";
    kept = 0;
    quotes = [];
    gaps = [];
    joints = [];
    gap = joined = false;
    state = "start";
  };
  const add = (letters: string, written: string) => {
    value += letters;
    how += written.repeat(letters.length);
  };
  const keep = (letters: string, written: string) => {
    add(letters, written);
    kept = value.length;
  };
  const open = (quote: "single" | "double") => {
    quotes.push({ line, end: undefined });
    state = quote;
  };
  const close = () => {
    quotes.push({ line: quotes.pop()?.line ?? line, end: line });
    state = "before";
  };
  for (; index < text.length; index++) {
    const c = text[index] as string;
    const newline = c === "\n" || c === "\r";
    const blank = newline || c === " " || c === "\t";
    switch (state) {
      case "start":
        from = line;
        start = index;
        if (c === "#" || c === ";") state = "comment";
        else if (!blank) {
          state = "key";
          key = c;
        }
        break;
      case "key":
        if (newline) push("neither");
        else if (c === "=") state = "before";
        else key += c;
        break;
      case "before": // also after a closing quote: quoted pieces are joined
        if (newline) push("assignment");
        else if (blank) gap = quotes.length > 0;
        else {
          if (gap) gaps.push(value.length);
          gap = false;
          if (c === "'") open("single");
          else if (c === '"') open("double");
          else if (c === "\\") state = "escape";
          else {
            state = "value";
            keep(c, "b");
          }
        }
        break;
      case "value":
        if (newline) push("assignment");
        else if (c === "\\") state = "escape";
        else if (blank) add(c, "b");
        else keep(c, "b");
        break;
      case "escape":
        state = "value";
        joined ||= c === "\r" && text[index + 1] === "\n";
        if (newline) joints.push(value.length);
        keep(newline ? "" : c, "e");
        break;
      case "single":
        if (c === "'") close();
        else add(c, "s");
        break;
      case "double":
        if (c === '"') close();
        else if (c === "\\") state = "double-escape";
        else add(c, "d");
        break;
      case "double-escape":
        state = "double";
        if ('"\\`$'.includes(c)) add(c, "e");
        else if (c !== "\n") add(`\\${c}`, "d");
        break;
      case "comment":
        if (c === "\\") {
          const next = text[index + 1];
          if (version >= 254 && (next === "\n" || next === "\r")) break;
          joined ||= next === "\n";
          if (next === "\n") line++;
          index++;
        } else if (newline) push("comment");
        break;
    }
    if (c === "\n") line++;
  }
  if (state === "comment") push("comment");
  else if (state === "key") push("neither");
  else if (state !== "start") push("assignment");
  return found;
}

/** The value of a key, the last assignment winning; undefined when it is not set. */
export function assignedValue(assignments: readonly Assignment[], key: string): string | undefined {
  return assignments.findLast((assignment) => assignment.key === key)?.value;
}
