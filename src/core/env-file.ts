/** One assignment in an environment file. */
export interface Assignment {
  readonly key: string;
  readonly value: string;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Reads an environment file as systemd does (EnvironmentFile=), which is not as a shell does: no $VAR, no ~, no
 * `export`; quotes join lines; # and ; start a comment only at the start of a line; a later line wins. The states are
 * those of systemd's env-file.c up to 253, where a comment that ends with a backslash goes on in the next line.
 */
export function parseEnvFile(text: string): Assignment[] {
  if (text.includes("\0")) return [];
  const found: Assignment[] = [];
  let state: "start" | "key" | "before" | "value" | "escape" | "single" | "double" | "double-escape" | "comment";
  state = "start";
  let key = "";
  let value = "";
  let kept = 0; // a bare value is cut here: what follows is white space
  const push = () => {
    key = key.replace(/[ \t]+$/, "");
    if (NAME.test(key)) found.push({ key, value: state === "value" ? value.slice(0, kept) : value });
    key = "";
    value = "";
    kept = 0;
    state = "start";
  };
  const keep = (characters: string) => {
    value += characters;
    kept = value.length;
  };
  for (let index = 0; index < text.length; index++) {
    const c = text[index] as string;
    const newline = c === "\n" || c === "\r";
    const blank = newline || c === " " || c === "\t";
    switch (state) {
      case "start":
        if (c === "#" || c === ";") state = "comment";
        else if (!blank) {
          state = "key";
          key = c;
        }
        break;
      case "key":
        if (newline) state = "start";
        else if (c === "=") state = "before";
        else key += c;
        break;
      case "before": // also after a closing quote: quoted pieces are joined
        if (newline) push();
        else if (c === "'") state = "single";
        else if (c === '"') state = "double";
        else if (c === "\\") state = "escape";
        else if (!blank) {
          state = "value";
          keep(c);
        }
        break;
      case "value":
        if (newline) push();
        else if (c === "\\") {
          state = "escape";
          keep("");
        } else if (blank) value += c;
        else keep(c);
        break;
      case "escape":
        state = "value";
        keep(newline ? "" : c);
        break;
      case "single":
        if (c === "'") state = "before";
        else value += c;
        break;
      case "double":
        if (c === '"') state = "before";
        else if (c === "\\") state = "double-escape";
        else value += c;
        break;
      case "double-escape":
        state = "double";
        if ('"\\`$'.includes(c)) value += c;
        else if (c !== "\n") value += `\\${c}`;
        break;
      case "comment":
        if (c === "\\") index++;
        else if (newline) state = "start";
        break;
    }
  }
  if (state !== "start" && state !== "key" && state !== "comment") push();
  return found;
}

/** The value of a key, the last assignment winning; undefined when it is not set. */
export function assignedValue(assignments: readonly Assignment[], key: string): string | undefined {
  return assignments.findLast((assignment) => assignment.key === key)?.value;
}
