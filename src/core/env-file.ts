/** One assignment in an environment file. */
export interface Assignment {
  readonly key: string;
  readonly value: string;
  /** 1 for the first line. */
  readonly line: number;
}

/**
 * Reads an environment file as systemd does (EnvironmentFile=), which is not as a shell does: no $VAR, no ~, no
 * `export`; quotes join lines; # and ; start a comment only at the start of a line; a later line wins.
 */
export function parseEnvFile(text: string): Assignment[] {
  const found: Assignment[] = [];
  const clean = text.replace(/\r\n?/g, "\n");
  let index = 0;
  let line = 1;
  const next = () => {
    const character = clean[index++];
    if (character === "\n") line++;
    return character;
  };
  const skipLine = () => {
    for (let c = next(); c !== undefined && c !== "\n"; c = next()) if (c === "\\") next();
  };
  while (index < clean.length) {
    const c = clean[index];
    if (c === "\n" || c === " " || c === "\t") {
      next();
      continue;
    }
    if (c === "#" || c === ";") {
      skipLine();
      continue;
    }
    const startLine = line;
    let key = "";
    while (index < clean.length && clean[index] !== "=" && clean[index] !== "\n") key += next();
    if (clean[index] !== "=") continue;
    next();
    const value = readValue(clean, index);
    for (const character of clean.slice(index, value.end)) if (character === "\n") line++;
    index = value.end;
    key = key.trimEnd();
    if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(key)) found.push({ key, value: value.text, line: startLine });
  }
  return found;
}

function readValue(text: string, start: number): { text: string; end: number } {
  let index = start;
  let value = "";
  let kept = 0; // up to here trailing white space belongs to the value: it was quoted or escaped
  while (text[index] === " " || text[index] === "\t") index++;
  let fresh = true;
  for (; index < text.length && text[index] !== "\n"; index++) {
    const c = text[index] as string;
    if ((c === "'" || c === '"') && fresh) {
      for (index++; index < text.length && text[index] !== c; index++) {
        if (text[index] === "\\" && c === '"') {
          index++;
          const escaped = text[index] ?? "";
          if ('"\\`$'.includes(escaped)) value += escaped;
          else if (escaped !== "\n") value += `\\${escaped}`;
        } else value += text[index];
      }
      kept = value.length;
      continue;
    }
    if (c === "\\") {
      index++;
      if (text[index] !== "\n") value += text[index] ?? "";
      kept = value.length;
      fresh = false;
      continue;
    }
    if (c !== " " && c !== "\t") fresh = false;
    value += c;
  }
  const tail = value.slice(kept).replace(/[ \t]+$/, "");
  return { text: value.slice(0, kept) + tail, end: Math.min(index + 1, text.length) };
}

/** The value of a key, the last assignment winning; undefined when it is not set. */
export function assignedValue(assignments: readonly Assignment[], key: string): string | undefined {
  return assignments.findLast((assignment) => assignment.key === key)?.value;
}
