/** A key of a mapping, and where it stands. */
export interface YamlKey {
  /** From the top: ["agents", "coder", "env"]; items of a list by their number. */
  readonly path: readonly string[];
  /** From 1. */
  readonly line: number;
}

/** What is wrong in a line. */
export interface YamlProblem {
  readonly line: number;
  readonly message: string;
}

/**
 * The keys of a text that Bun's YAML.parse takes, with what that lets pass in silence: a key that is there twice, a second
 * document. It reads nothing else, so it is held against what was parsed: see strangeKey().
 */
export interface YamlKeys {
  readonly keys: readonly YamlKey[];
  readonly problems: readonly YamlProblem[];
  /** Paths of mappings that are partly written elsewhere: an alias, or one with "<<". */
  readonly borrowed: ReadonlySet<string>;
}

/** A path as one string, for sets and maps. */
export function pathKey(path: readonly string[]): string {
  return JSON.stringify(path);
}

/** A mapping, or a list, whose end has not come: what is indented further is in it. */
interface Level {
  readonly indent: number;
  readonly list: boolean;
  readonly path: readonly string[];
  readonly seen: Map<string, number>;
  /** Of its last entry: what is indented further is in that. */
  last: readonly string[];
}

const QUOTED = /"(?:[^"\\]|\\[\s\S])*"|'(?:[^']|'')*'/y;
/** A key in front of its colon, in a block. */
const BLOCK_KEY =
  /(?:("(?:[^"\\\n]|\\.)*"|'(?:[^'\n]|'')*')|((?:[^\s#"'{}[\],&*!|>%@`?:-]|[?:-](?=\S))(?:(?![ \t]#|:[ \t\n])[^\n])*?))[ \t]*:(?=[ \t\n]|$)/y;
/** A bare word in brackets, which ends where the next thing begins. */
const FLOW_WORD = /(?:(?!:(?:[\s,[\]{}]|$)|\s#)[^,[\]{}\n])*/y;
/** An anchor, or a tag. */
const PROPERTIES = /(?:[&!]\S*[ \t]*)*/y;

export function yamlKeys(source: string): YamlKeys {
  const text = source.replace(/^\uFEFF/, "").replace(/\r\n?/g, "\n");
  const keys: YamlKey[] = [];
  const problems: YamlProblem[] = [];
  const borrowed = new Set<string>();
  const levels: Level[] = [];
  let documents = 0;
  let ended = true;

  const lineAt = lineFinder(text);
  const match = (pattern: RegExp, from: number) => {
    pattern.lastIndex = from;
    return pattern.exec(text)?.[0] ?? "";
  };
  const lineEnd = (from: number) => {
    const end = text.indexOf("\n", from);
    return end < 0 ? text.length : end;
  };
  const add = (name: string, path: readonly string[], seen: Map<string, number>, at: number) => {
    const line = lineAt(at);
    const before = seen.get(name);
    if (before !== undefined)
      problems.push({ line, message: `${JSON.stringify(name)} is there already, in line ${before}` });
    else seen.set(name, line);
    if (name === "<<") borrowed.add(pathKey(path));
    else keys.push({ path: [...path, name], line });
    return [...path, name];
  };

  /** From an opening bracket to what is behind the closing one. */
  const flow = (start: number, path: readonly string[]): number => {
    const list = text[start] === "[";
    const seen = new Map<string, number>();
    let at = start + 1;
    let index = 0;
    while (at < text.length) {
      at += match(/(?:\s|(?<=\s)#[^\n]*)*/y, at).length;
      const character = text[at];
      if (character === "}" || character === "]") return at + 1;
      if (character === ",") {
        at++;
        index++;
        continue;
      }
      at += match(PROPERTIES, at).length;
      const here = list ? [...path, String(index)] : path;
      const word = match(QUOTED, at) || match(FLOW_WORD, at);
      const behind = at + word.length + match(/\s*/y, at + word.length).length;
      if (word !== "" && text[behind] === ":") {
        const added = add(unquoted(word.trim()), here, list ? new Map() : seen, at);
        at = behind + 1;
        at += match(/(?:\s|(?<=\s)#[^\n]*)*/y, at).length;
        at = value(at, added, Number.NEGATIVE_INFINITY, true);
      } else at = value(at, here, Number.NEGATIVE_INFINITY, true);
    }
    return at;
  };

  /** What a key, a dash or a line of its own has: returns where the next thing begins. `indent`: of the level that it is in. */
  const value = (start: number, path: readonly string[], indent: number, inFlow: boolean): number => {
    let at = start + match(/[ \t]*/y, start).length;
    at += match(PROPERTIES, at).length;
    const character = text[at] ?? "";
    if (character === "{" || character === "[") return flow(at, path);
    const quoted = match(QUOTED, at);
    if (quoted !== "") return at + quoted.length;
    if (character === "*") borrowed.add(pathKey(path));
    if (inFlow) return Math.max(at + match(FLOW_WORD, at).length, start + 1);
    const end = lineEnd(at);
    // Children come in the next lines; a text of several lines goes on in those that are indented further.
    return character === "" || character === "\n" || character === "#" ? end : deeperLines(end, indent);
  };

  const deeperLines = (from: number, indent: number): number => {
    let end = from;
    while (end < text.length) {
      const next = end + 1;
      const blanks = match(/ */y, next).length;
      const blank = text[next + blanks] === "\n" || next + blanks >= text.length;
      if (!blank && blanks <= indent) break;
      end = lineEnd(next);
    }
    return end;
  };

  const startsDocument = (at: number) => {
    documents++;
    ended = false;
    if (documents === 2)
      problems.push({ line: lineAt(at), message: "a second document starts here: all is to be in one" });
    levels.length = 0;
  };

  let at = 0;
  while (at < text.length) {
    const start = at;
    let column = match(/ */y, at).length;
    at += column;
    const end = lineEnd(at);
    const rest = text.slice(at, end);
    if (/^\s*(?:#|$)/.test(rest) || (ended && column === 0 && rest.startsWith("%"))) {
      at = end + 1;
      continue;
    }
    if (column === 0 && /^\.\.\.(?:\s|$)/.test(rest)) {
      ended = true;
      at = end + 1;
      continue;
    }
    if (column === 0 && /^---(?:\s|$)/.test(rest)) {
      startsDocument(start);
      at += 3;
      column = 3;
      if (/^---\s*(?:#|$)/.test(rest)) {
        at = end + 1;
        continue;
      }
      at += match(/[ \t]*/y, at).length;
    } else if (ended) startsDocument(start);

    // Dashes, then a key or a value: "- - a: b" is three levels in a line.
    let opened = false;
    while (match(/-(?=[ \t\n]|$)/y, at) !== "") {
      while ((levels.at(-1)?.indent ?? -1) > column) levels.pop();
      let level = levels.at(-1);
      if (level === undefined || level.indent < column || !level.list) {
        level = { indent: column, list: true, path: level?.last ?? [], seen: new Map(), last: [] };
        levels.push(level);
      }
      level.last = [...level.path, String(level.seen.size)];
      level.seen.set(String(level.seen.size), lineAt(at));
      const step = 1 + match(/[ \t]*/y, at + 1).length;
      at += step;
      column += step;
      opened = true;
    }
    const key = match(BLOCK_KEY, at);
    if (key === "") {
      const level = levels.at(-1);
      at = value(at, level?.last ?? [], opened ? (level?.indent ?? -1) : column - 1, false);
    } else {
      while ((levels.at(-1)?.indent ?? -1) > column) levels.pop();
      while (levels.at(-1)?.list && (levels.at(-1)?.indent ?? -1) >= column) levels.pop();
      let level = levels.at(-1);
      if (level === undefined || level.indent < column) {
        level = { indent: column, list: false, path: level?.last ?? [], seen: new Map(), last: [] };
        levels.push(level);
      }
      level.last = add(unquoted(key.replace(/[ \t]*:$/, "")), level.path, level.seen, at);
      at = value(at + key.length, level.last, column, false);
    }
    at = lineEnd(at) + 1;
  }
  return { keys, problems: problems.sort((a, b) => a.line - b.line), borrowed };
}

/** The first place where the parsed value has other keys than were seen in the text; undefined where both agree. */
export function strangeKey(value: unknown, { keys, borrowed }: YamlKeys): readonly string[] | undefined {
  const seen = new Set(keys.map(({ path }) => pathKey(path)));
  let strange: readonly string[] | undefined;
  const visit = (each: unknown, path: readonly string[]) => {
    if (strange !== undefined || typeof each !== "object" || each === null || borrowed.has(pathKey(path))) return;
    for (const [name, inner] of Object.entries(each)) {
      const here = [...path, name];
      if (!Array.isArray(each) && !seen.delete(pathKey(here))) strange ??= here;
      visit(inner, here);
    }
  };
  visit(value, []);
  if (strange !== undefined) return strange;
  const left = keys.find(({ path }) => seen.has(pathKey(path)) && !isBorrowed(path, borrowed));
  return left?.path;
}

function isBorrowed(path: readonly string[], borrowed: ReadonlySet<string>): boolean {
  return path.some((_, length) => borrowed.has(pathKey(path.slice(0, length))));
}

function unquoted(word: string): string {
  if (word.startsWith("'")) return word.slice(1, -1).replaceAll("''", "'");
  if (!word.startsWith('"')) return word;
  try {
    return JSON.parse(word) as string;
  } catch {
    return word; // an escape that only YAML has: then it does not agree with what was parsed
  }
}

/** The line of a place in a text, from 1. */
function lineFinder(text: string): (at: number) => number {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (at) => {
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= at) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}
