/** What a backslash and a letter are in $'…'. */
const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  a: "\x07",
  b: "\b",
  E: "\x1b",
  e: "\x1b",
  f: "\f",
  v: "\v",
};

const NAME = /^export ([A-Za-z_][A-Za-z0-9_]*)=/my;
/** A part of a value: in one kind of quotes or the other, or bare. */
const PART = /\$'((?:[^'\\]|\\[\s\S])*)'|'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|\\([\s\S])|([^\s'"\\]+)/y;

/** The variables that a shell's `export -p` prints, as dash, bash and busybox write them; whatever else is there is passed over. */
export function exportedVariables(text: string): Map<string, string> {
  const variables = new Map<string, string>();
  let at = 0;
  while (at < text.length) {
    NAME.lastIndex = at;
    const [start, name] = NAME.exec(text) ?? [];
    if (start !== undefined) at += start.length;
    let value = "";
    for (PART.lastIndex = at; ; at = PART.lastIndex) {
      const part = PART.exec(text);
      if (part === null) break;
      const [, spelled, single, double, escaped, bare] = part;
      value +=
        spelled?.replace(/(?:\\[0-7]{3})+|\\([\s\S])/g, (bytes, letter?: string) =>
          letter === undefined || /[0-7]/.test(letter) ? textOf(bytes) : (ESCAPES[letter] ?? letter),
        ) ??
        single ??
        double?.replace(/\\(["$`\\]|\n)/g, (_, letter: string) => (letter === "\n" ? "" : letter)) ??
        escaped ??
        bare ??
        "";
    }
    if (name !== undefined) variables.set(name, value);
    const end = text.indexOf("\n", at);
    at = end < 0 ? text.length : end + 1;
  }
  return variables;
}

/** Bytes in octal, each behind a backslash. */
function textOf(octal: string): string {
  const bytes = octal
    .split("\\")
    .slice(1)
    .map((digits) => Number.parseInt(digits, 8));
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
