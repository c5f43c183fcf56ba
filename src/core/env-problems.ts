import { HOME_KEYS, isStopSeconds, SHELL_KEY } from "./agent-keys.ts";
import { closest, editDistance } from "./did-you-mean.ts";
import { bytesAsLetters, type Statement, statements, utf8, VARIABLE_NAME } from "./env-file.ts";

export interface EnvProblem {
  /** From 1; 0 is the whole file. */
  readonly line: number;
  readonly kind:
    | "byte-order-mark"
    | "nul"
    | "not-utf8"
    | "crlf"
    | "export"
    | "open-quote"
    | "inner-quote"
    | "expansion"
    | "spaces"
    | "not-an-assignment"
    | "bad-name"
    | "unknown-key"
    | "trailing-comment"
    | "joined-comment"
    | "joined-line"
    | "duplicate";
  /** fail: something is certainly lost, or certainly not what was meant; warn: it may be meant so. */
  readonly severity: "fail" | "warn";
  /** Names the key at most, never a value: that may be a secret. */
  readonly message: string;
  /** What to write instead, or the key that was probably meant. */
  readonly suggestion?: string;
}

const BYTE_ORDER_MARK = "\xef\xbb\xbf";
/** What a shell would expand, where it is not quoted. */
const EXPANSION = /\$[A-Za-z_{(]|`/g;
/** White space that systemd does not know: no-break and other wide spaces as UTF-8, vertical tab, form feed. */
const ODD_BLANK = "(?:\\xc2\\xa0|\\xe2\\x80[\\x80-\\x8b\\xaf]|\\xe3\\x80\\x80|\\v|\\f)";
const ODD_AT_AN_END = new RegExp(`^${ODD_BLANK}|${ODD_BLANK}$`);
/** Words that a shell has before an assignment. */
const KEYWORD = /^(?:export|declare|typeset|readonly|local|setenv|set)[ \t]+(?:-\w+[ \t]+)*/;

/**
 * Where an environment file does to systemd (EnvironmentFile=) something else than it says to a person, who reads it as
 * a shell would. `known`: the MOSAIC_ keys that mean something; `version`: systemd's, for comments (parseEnvFile). Take
 * the bytes of a file where they can be had: in a text, what is not UTF-8 is replaced already.
 */
export function envProblems(bytes: Uint8Array | string, known: readonly string[], version = 252): EnvProblem[] {
  const text = bytesAsLetters(bytes);
  if (text.includes("\0")) return [nul(text)];
  const all = statements(text, version);
  const firstLines = new Map<string, number>();
  const lines = text.split("\n");
  const problems = all.flatMap((statement) => {
    if (statement.kind === "comment") return ofComment(statement);
    const lost = statement.kind === "assignment" ? notUtf8(statement) : [];
    if (statement.key.startsWith(BYTE_ORDER_MARK)) return [...lost, byteOrderMark(statement)];
    if (statement.kind === "neither") return [notAnAssignment(statement, known)];
    if (!VARIABLE_NAME.test(statement.key)) return [...lost, badName(statement, known)];
    const first = firstLines.get(statement.key);
    if (first === undefined) firstLines.set(statement.key, statement.line);
    return [
      ...lost,
      ...ofKey(statement, known, first),
      ...ofQuotes(statement, lines, known),
      ...ofJoints(statement, known),
      // What an open quote has swallowed is not worth a look.
      ...(statement.quotes.some(({ end }) => end === undefined) ? [] : ofValue(statement, lines, known)),
    ];
  });
  return [...problems, ...lineEnds(text, all)].sort((a, b) => a.line - b.line);
}

/** The kernel's limit for one string of a program's environment. */
const LONGEST_STRING = 128 * 1024;

/** What is read as it was meant, and keeps an agent from starting or does nothing. */
export interface ValueProblem extends Omit<EnvProblem, "kind"> {
  readonly kind: "value";
  readonly key: string;
  /** Without it the default holds; else what was meant has to be typed. */
  readonly mend: "unset" | "edit";
}

/** `agent`: whose file it is, undefined for all of them; `runtime`: the manager's XDG_RUNTIME_DIR. */
export function valueProblems(
  variables: Readonly<Record<string, string>>,
  agent: string | undefined,
  runtime: string | undefined,
): ValueProblem[] {
  const found: ValueProblem[] = [];
  const add = (key: string, severity: EnvProblem["severity"], message: string, mend: ValueProblem["mend"] = "unset") =>
    found.push({ line: 0, kind: "value", key, severity, message: `${shown(key)} ${message}`, mend });
  const name = variables.MOSAIC_AGENT_NAME;
  if (name && name !== agent)
    add("MOSAIC_AGENT_NAME", "fail", "is another name than the agent's: it is refused (exit 78); take the line out");
  const own = variables.XDG_RUNTIME_DIR;
  if (own !== undefined && runtime !== undefined && own !== runtime)
    add("XDG_RUNTIME_DIR", "fail", "is not the user manager's: the agent does not find the holder there (exit 75)");
  const seconds = variables.MOSAIC_AGENT_STOP_SECONDS;
  if (seconds && !isStopSeconds(seconds))
    add("MOSAIC_AGENT_STOP_SECONDS", "warn", "is not a whole number from 0 to 30: 10 is taken");
  for (const key of ["MOSAIC_PATH", "PATH"]) {
    const relative = variables[key] ? variables[key].split(":").find(isRelative) : undefined;
    if (relative === undefined) continue;
    const what = relative === "" ? "an empty folder" : `'${relative.slice(0, 32)}', which is no whole path`;
    add(key, "warn", `has ${what}: it means whatever folder a program is in: write ~/… or the whole path`, "edit");
  }
  for (const [key, value] of Object.entries(variables))
    if (value.length > LONGEST_STRING / 4 && new TextEncoder().encode(`${key}=${value}`).length >= LONGEST_STRING)
      add(key, "fail", "is longer than 128 KiB: no program can be started with it (203/EXEC)", "edit");
  return found;
}

/** Of a PATH. What was written for a shell is told by expansions(). */
function isRelative(folder: string): boolean {
  return !/^[/~]|[$`]/.test(folder);
}

function fail(line: number, kind: EnvProblem["kind"], message: string, suggestion?: string): EnvProblem {
  return { line, kind, severity: "fail", message, ...(suggestion === undefined ? {} : { suggestion }) };
}

function warn(line: number, kind: EnvProblem["kind"], message: string, suggestion?: string): EnvProblem {
  return { ...fail(line, kind, message, suggestion), severity: "warn" };
}

/** A key as it is shown: it is a name, and a long one is cut. */
function shown(key: string): string {
  return key.length <= 32 ? key : `${key.slice(0, 31)}…`;
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

function nul(text: string): EnvProblem {
  const wide = /^(?:\xff\xfe|\xfe\xff)/.test(text) ? ": it is UTF-16, save it as UTF-8" : ": take it out";
  return fail(
    lineOf(text, text.indexOf("\0")),
    "nul",
    `a NUL byte is in the file, so systemd reads nothing of it${wide}`,
  );
}

function notUtf8({ key, value, line }: Statement): EnvProblem[] {
  if (utf8(key) !== undefined && utf8(value) !== undefined) return [];
  const name = VARIABLE_NAME.test(key) ? `${shown(key)} is` : "this is";
  return [fail(line, "not-utf8", `${name} not valid UTF-8, so systemd reads nothing of the file: save it as UTF-8`)];
}

function byteOrderMark({ kind, key, line }: Statement): EnvProblem {
  const name = key.slice(BYTE_ORDER_MARK.length);
  const where = "a byte order mark is at the start";
  if (kind === "neither" || !VARIABLE_NAME.test(name))
    return warn(line, "byte-order-mark", `${where}: nothing is lost as it is; save the file as UTF-8 without BOM`);
  return fail(line, "byte-order-mark", `${where}, so ${shown(name)} is not set: save the file as UTF-8 without BOM`);
}

function ofComment({ joined, line }: Statement): EnvProblem[] {
  if (!joined) return [];
  const what = "this comment ends with a backslash: before systemd 254 the next line is part of it";
  return [warn(line, "joined-comment", `${what}; take the backslash away`)];
}

function notAnAssignment({ key, line }: Statement, known: readonly string[]): EnvProblem {
  const keyword = KEYWORD.exec(key);
  if (keyword !== null)
    return fail(
      line,
      "export",
      "a shell command, which systemd skips: only KEY=value lines count, and each is exported as it is",
    );
  if (key.startsWith("="))
    return fail(line, "bad-name", "there is no name before the =, so nothing is set: write KEY=value");
  const meant = meantBy(key.split(/[\s:]/)[0] ?? "", known);
  const message = "no = in this line, so it is skipped: write KEY=value (over several lines in quotes)";
  return meant === undefined
    ? warn(line, "not-an-assignment", message)
    : fail(line, "not-an-assignment", message, `${meant}=…`);
}

function badName({ key, line }: Statement, known: readonly string[]): EnvProblem {
  const keyword = KEYWORD.exec(key)?.[0];
  const name = key.slice(keyword?.length ?? 0);
  if (keyword !== undefined && VARIABLE_NAME.test(name))
    return fail(
      line,
      "export",
      `${shown(name)} is not set: systemd knows no ${keyword.split(/[ \t]/)[0]}, write KEY=value alone`,
      `${shown(name)}=…`,
    );
  const meant = meantBy(key, known);
  const message = "not set: a name is ASCII letters, digits and _, and does not start with a digit";
  return fail(line, "bad-name", message, meant === undefined ? undefined : `${meant}=…`);
}

/** The known key that was meant by something that starts like one. */
function meantBy(typed: string, known: readonly string[]): string | undefined {
  const upper = typed.toUpperCase().replace(/[^A-Z0-9]+/g, "_");
  const [prefix = ""] = upper.split("_");
  if (!prefix.startsWith("MOSAIC") && editDistance(prefix, "MOSAIC") !== 1) return undefined;
  // What they all start with would make any two of them alike.
  const tail = (key: string) => key.replace(/^[^_]*_?(?:AGENT_)?/, "");
  const near = closest(tail(upper), known.map(tail));
  const whole = known.find((key) => editDistance(upper, key) <= 2);
  return whole ?? known.find((key) => tail(key) === near);
}

function ofKey({ key, line }: Statement, known: readonly string[], first: number | undefined): EnvProblem[] {
  const problems: EnvProblem[] = [];
  if (first !== undefined)
    problems.push(
      warn(line, "duplicate", `${shown(key)} is set again (first in line ${first}): this one counts; keep one of them`),
    );
  if (known.includes(key)) return problems;
  const meant = meantBy(key, known);
  const more = meant === undefined ? "" : `: ${meant} was meant?`;
  if (meant !== undefined || key.startsWith("MOSAIC_"))
    problems.push(warn(line, "unknown-key", `${shown(key)} means nothing to the fleet${more}`, meant));
  return problems;
}

/** Quotes that are not closed, or not where they should be. */
function ofQuotes({ key, quotes }: Statement, lines: readonly string[], known: readonly string[]): EnvProblem[] {
  return quotes.flatMap(({ line, end }) => {
    if (end === undefined) {
      const what = `${shown(key)} opens a quote that is never closed`;
      return [fail(line, "open-quote", `${what}: it takes in all the rest of the file`)];
    }
    const swallowed = lines
      .slice(line, end)
      .map((each) => /^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=/.exec(each)?.[1]);
    const mine = swallowed.find((each) => each !== undefined && known.includes(each));
    const other = swallowed.find((each) => each !== undefined);
    const what = `${shown(key)} opens a quote that ends in line ${end} only`;
    if (mine !== undefined) return [fail(line, "open-quote", `${what}, so ${mine} is not set: close it here`)];
    if (other === undefined || key === SHELL_KEY) return [];
    return [warn(line, "open-quote", `${what}, and takes in assignments: close it here`)];
  });
}

/** Lines that a backslash at the end of the one before has made a part of the value. */
function ofJoints({ key, value, line, joints }: Statement, known: readonly string[]): EnvProblem[] {
  const swallowed = joints.flatMap(
    (place) => /^[ \t]*([A-Z_][A-Z0-9_]*)=/.exec(value.slice(place, place + 100))?.[1] ?? [],
  );
  const mine = swallowed.find((each) => known.includes(each));
  const what = `${shown(key)}: a backslash joins the next line`;
  if (mine !== undefined) return [fail(line, "joined-line", `${what}, so ${mine} is not set: take it away`)];
  if (swallowed.length === 0 || key === SHELL_KEY) return [];
  return [warn(line, "joined-line", `${what}, an assignment: take the backslash away`)];
}

function ofValue(statement: Statement, lines: readonly string[], known: readonly string[]): EnvProblem[] {
  const { key, value, how, line, gaps } = statement;
  // What is wrong with one of our keys is certainly wrong; what another program makes of its own is not known.
  const report = known.includes(key) ? fail : warn;
  const name = shown(key);
  const problems: EnvProblem[] = [];
  const commentAfterQuote = gaps.some((place) => value[place] === "#" && how[place] === "b");
  if (gaps.length > 0 && !commentAfterQuote) {
    const message = `${name}: blanks after a closing quote are dropped: put all of it in one pair of quotes`;
    problems.push(report(line, "spaces", message));
  }
  if (key === SHELL_KEY) {
    if (new RegExp(ODD_BLANK).test(value))
      problems.push(report(line, "spaces", `${name} has a no-break or other odd space in it: type a plain one`));
    // Joined to the quoted text it is no comment to the shell either.
    if (commentAfterQuote) problems.push(trailingComment(report, statement));
    return problems;
  }
  if (ODD_AT_AN_END.test(value) && !/^[sde].*[sde]$/s.test(how))
    problems.push(report(line, "spaces", `${name} starts or ends with an odd space, which systemd keeps: delete it`));
  const inLine = bareMatch(statement, new RegExp(`[ \\t;](?:${known.join("|")})=`, "g"));
  if (inLine) {
    const message = `${name}: a second assignment in this line is part of the value: give it a line of its own`;
    problems.push(report(line, "spaces", message));
  } else if (bareMatch(statement, /;[ \t]*export(?![A-Za-z0-9_])/g))
    problems.push(report(line, "export", `${name}: the "; export" is part of the value: take it away`, `${name}=…`));
  // As in a shell, right behind the = it starts no comment: a colour, a channel.
  const comment = /^[^=]*=[ \t]+#/.test(lines[line - 1] ?? "") ? /(?:^|[ \t])#/g : /[ \t]#/g;
  if (commentAfterQuote || bareMatch(statement, comment)) problems.push(trailingComment(report, statement));
  if (known.includes(key) && bareMatch(statement, /['"]/g)) {
    const message = `${name}: a quote inside a word stays in the value: put the whole value in quotes, or in none`;
    problems.push(report(line, "inner-quote", message));
  }
  return [...problems, ...expansions(statement, report)];
}

function trailingComment(report: typeof fail, { key, line }: Statement): EnvProblem {
  const message = `${shown(key)}: the # and what follows is part of the value: put the comment in a line of its own`;
  return report(line, "trailing-comment", message);
}

/** What a shell would put something else in the place of, and systemd does not. */
function expansions(statement: Statement, report: typeof fail): EnvProblem[] {
  const { key, value, line } = statement;
  const name = shown(key);
  if (bareMatch(statement, EXPANSION, true)) {
    if (key === "PATH")
      return [
        fail(line, "expansion", "PATH: systemd expands no $PATH: name the folders in MOSAIC_PATH", "MOSAIC_PATH=…"),
      ];
    const home = HOME_KEYS.includes(key);
    const instead = home ? "write ~/… or the whole path" : "write it out, or put it in single quotes";
    const message = `${name}: systemd expands no $VAR, $(…) or \`…\`: ${instead}`;
    return [report(line, "expansion", message, home ? `${name}=~/…` : `${name}='…'`)];
  }
  if (HOME_KEYS.includes(key)) {
    const folders = key === "MOSAIC_PATH" ? value.split(":") : [value];
    if (!folders.some((folder) => /^~[^/]/.test(folder))) return [];
    return [report(line, "expansion", `${name}: only ~ and ~/… are understood, no ~user: write the whole path`)];
  }
  if (!bareMatch(statement, /(?:^|:)~(?:[a-z_][a-z0-9_-]*)?(?=\/|:|$)/g, true)) return [];
  return [report(line, "expansion", `${name}: the ~ stays a ~, here nothing expands it: write the whole path`)];
}

/** Whether a pattern (with flag g) is found in what is bare, or in what is in double quotes too. */
function bareMatch({ value, how }: Statement, pattern: RegExp, inDoubleQuotes = false): boolean {
  const wanted = inDoubleQuotes ? /^[bd]*$/ : /^b*$/;
  return [...value.matchAll(pattern)].some(({ 0: found, index }) =>
    wanted.test(how.slice(index, index + found.length)),
  );
}

/** Windows line ends: to systemd a CR ends a line as well as an LF; but not in quotes, and not after a backslash. */
function lineEnds(text: string, all: readonly Statement[]): EnvProblem[] {
  if (!text.includes("\r")) return [];
  const problems = all.flatMap(({ kind, key, value, line, joined, quotes }) => {
    if (kind !== "assignment" || quotes.some(({ end }) => end === undefined)) return [];
    const name = VARIABLE_NAME.test(key) ? shown(key) : "this line";
    if (value.includes("\r"))
      return [
        fail(line, "crlf", `${name}: carriage returns stay in the quoted value: save the file with LF line ends`),
      ];
    if (!joined) return [];
    const message = `${name}: with CRLF the backslash does not join the next line: save the file with LF line ends`;
    return [fail(line, "crlf", message)];
  });
  if (problems.length > 0) return problems;
  const alone = /\r(?!\n)/.exec(text);
  if (alone !== null) {
    const message = "a carriage return in the middle of this line ends it, as a line end would: take it out";
    return [warn(lineOf(text, alone.index), "crlf", message)];
  }
  return [warn(0, "crlf", "Windows line ends (CRLF): systemd takes them as they are, shells do not; LF is better")];
}
