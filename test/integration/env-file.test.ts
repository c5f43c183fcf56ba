import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { localHost } from "../../src/adapters/local-host.ts";
import { openSandbox, type Sandbox } from "../../src/canary/sandbox.ts";
import { bytesAsLetters, parseEnvFile, type Statement, statements, VARIABLE_NAME } from "../../src/core/env-file.ts";
import { envProblems } from "../../src/core/env-problems.ts";
import { succeeded } from "../../src/core/exec.ts";
import { writeFiles } from "../support/build.ts";
import { envFileCases } from "../support/env-file-cases.ts";

/** ENV_FILE_SEED and ENV_FILE_COUNT try others, and more of them. */
const seed = Number(process.env.ENV_FILE_SEED ?? 0x5eed);
const count = Number(process.env.ENV_FILE_COUNT ?? 10_000);
/** So many files are read by one unit. */
const BATCH = 200;

type Next = (limit: number) => number;

/** Numbers below `limit`, the same ones for the same seed (xorshift). */
function randomNumbers(start: number): Next {
  let state = start | 0 || 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

/**
 * An odd file, as a letter for each byte. Every letter, digit and _ that can be part of a name is in a piece which holds
 * the file's number and is never cut, so a name tells which file it is from: a unit can read hundreds of files.
 */
function oddFile(index: number, next: Next): string {
  const pick = (pieces: readonly string[]) => pieces[next(pieces.length)] as string;
  const chance = (percent: number) => next(100) < percent;
  const some = (limit: number, make: () => string) => Array.from({ length: next(limit + 1) }, make);
  const names = [`a${index}_`, `B${index}_`, `_${index}_`];
  const letters = ["é", "漢", "🦊", "\u00a0", "\u2028", "\u0085", "\u{10fffd}", "\ufffd"].map(bytesAsLetters);
  const blanks = [" ", "\t", "  ", " \t", "\v", "\f"];
  const ends = ["\n", "\n", "\n", "\n", "\r\n", "\r", "\n\n", " \n", "\\\n", "\\\r\n", "\\\r", ""];
  const signs = [..."='\"\\#;$`!&|<>(){}[]*?~%@:,.+-/^\x01\x1b\x7f"];
  const codes = ["${", "$(", "\\$", '\\"', "\\'", "\\\\", "\\ ", "\\`", "=~/"];
  const digits = [`${index}_`];
  const all = [names, names, signs, signs, codes, blanks, ends, letters, digits, ["=", "'", '"', "\\", "\n"]];
  const any = () => pick(all[next(all.length)] as readonly string[]);
  const word = () => pick([...names, ...digits, ...letters, ...signs]);
  const values: readonly (() => string[])[] = [
    () => [],
    () => some(3, word),
    () => [...some(3, word), pick(blanks), ...some(2, word), pick(["", ...blanks])],
    () => ["'", ...some(4, any), "'"],
    () => ['"', ...some(4, any), '"'],
    () => ["'", ...some(3, word), "'", pick(["", ...blanks]), '"', ...some(3, word), '"', ...some(2, word)],
    () => [...some(2, word), pick(["'", '"']), ...some(3, word), pick(["'", '"'])],
    () => [...some(2, word), pick(blanks), "#", pick(blanks), ...some(2, word)],
    () => ["\\", ...some(2, any), "\\", pick(["\n", "\r\n", "\r", " ", "'"]), ...some(2, word)],
    () => some(8, any),
  ];
  const value = () => (values[next(values.length)] as () => string[])();
  const lines: readonly (() => string[])[] = [
    () => [...some(1, () => pick(blanks)), pick(names), ...some(1, () => pick(blanks)), "=", ...value(), pick(ends)],
    () => [pick(names), "=", ...value(), pick(ends)],
    () => [pick(names), "=", ...some(1, () => pick(blanks)), ...value(), pick(ends)],
    () => [`export ${pick(names)}`, "=", ...value(), pick(ends)],
    () => [pick(["", ...blanks]), pick(["#", ";"]), ...some(5, any), pick(["", "", "\\", "\\\\"]), pick(ends)],
    () => [...some(4, word), pick(ends)],
    () => [pick(digits), pick(names), "=", ...value(), pick(ends)],
    () => some(12, any),
  ];
  const pieces = Array.from({ length: 1 + next(6) }, () => (lines[next(lines.length)] as () => string[])()).flat();
  while (chance(25)) pieces.splice(next(pieces.length + 1), next(2), any());
  // What ends all reading, or could: seldom, for it hides the rest.
  const fatal = [
    "\0",
    "\xff",
    "\xc3",
    "\x80",
    "\xc0\xaf",
    "\xed\xa0\x80",
    "\xef\xbf\xbf",
    "\xef\xb7\x90",
    "\xf4\x90\x80\x80",
  ];
  if (chance(12)) pieces.splice(next(pieces.length + 1), 0, pick(fatal));
  if (chance(5)) pieces.unshift("\xef\xbb\xbf");
  return pieces.join("");
}

/** The file that a variable is from. */
function fileOf(name: string): number {
  const numbers = new Set(name.match(/\d+(?=_)/g));
  return numbers.size === 1 ? Number([...numbers][0]) : -1;
}

function toBytes(letters: string): Uint8Array {
  return Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
}

let sandbox: Sandbox;
let version: number;
let tableRead: Record<string, string>[];
let oddRead: Record<string, string>[];
const next = randomNumbers(seed);
const oddFiles = Array.from({ length: count }, (_, index) => oddFile(index, next));

/** The variables that a program of a unit had, as `env -0` wrote them. */
function variablesIn(path: string): [string, string][] {
  const pairs = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(readFileSync(path)).split("\0");
  return pairs
    .filter((pair) => pair !== "")
    .map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]);
}

async function startUnits(units: readonly string[]): Promise<void> {
  const started = await sandbox.host.exec(["systemctl", "--user", "start", ...units], { timeoutMs: 60_000 });
  if (!succeeded(started)) throw new Error(started.stderr);
}

beforeAll(async () => {
  sandbox = await openSandbox(localHost());
  const { host } = sandbox;
  const folder = join(host.user.home, "files");
  // Ours beside the unit's own: MANAGERPID and the like are in each.
  const tables = ["", ...envFileCases.map(([, text]) => text)];
  const batches = Array.from({ length: Math.ceil(count / BATCH) }, (_, batch) => `odd-${batch}`);
  writeFiles(folder, Object.fromEntries(tables.map((text, index) => [`table-${index}/file.env`, text])));
  for (const batch of batches) mkdirSync(join(folder, batch));
  for (const [index, letters] of oddFiles.entries())
    writeFileSync(join(folder, `odd-${Math.floor(index / BATCH)}/${index}.env`), toBytes(letters));
  const service = (file: string) =>
    [
      "[Service]",
      "Type=oneshot",
      `EnvironmentFile=${file}`,
      "ExecStart=/usr/bin/env -0",
      `StandardOutput=truncate:${folder}/%i/read`,
      "UnsetEnvironment=INVOCATION_ID SYSTEMD_EXEC_PID",
    ].join("\n");
  writeFiles(join(host.user.home, ".config/systemd/user"), {
    // systemd reads each file that * stands for by itself, and puts their variables together.
    "read@.service": service(`-${folder}/%i/*.env`),
    "strict@.service": service(`${folder}/%i/file.env`),
  });
  const told = await host.exec(["systemctl", "--version"]);
  version = Number(/^systemd (\d+)/.exec(told.stdout)?.[1]);
  // A line in the journal for each variable that it leaves out takes it ten times as long as all the rest.
  await host.exec(["systemctl", "--user", "log-level", "emerg"]);
  const instances = [...tables.map((_, index) => `table-${index}`), ...batches];
  await startUnits(instances.map((instance) => `read@${instance}.service`));
  const all = instances.map((instance) => variablesIn(join(folder, instance, "read")));
  const own = new Set(all[0]?.map(([key]) => key));
  const [, ...read] = all.map((variables) => variables.filter(([key]) => !own.has(key)));
  tableRead = read.slice(0, envFileCases.length).map((variables) => Object.fromEntries(variables));
  oddRead = oddFiles.map(() => ({}));
  for (const [key, value] of read.slice(envFileCases.length).flat()) {
    const from = oddRead[fileOf(key)];
    if (from === undefined) throw new Error(`${JSON.stringify(key)} is of no file that was written (seed ${seed})`);
    from[key] = value;
  }
}, 120_000);

afterAll(async () => {
  expect(await sandbox?.close()).toEqual([]);
});

function assignsName({ kind, key }: Statement): boolean {
  return kind === "assignment" && VARIABLE_NAME.test(key);
}

/** The variables that our reader finds. */
function ours(file: string | Uint8Array): Record<string, string> {
  return Object.fromEntries(parseEnvFile(file, version).map(({ key, value }) => [key, value]));
}

test("the table of the unit test says what this systemd does", () => {
  expect(envFileCases.map(([what], index) => [what, tableRead[index]])).toEqual(
    envFileCases.map(([what, , variables]) => [what, variables]),
  );
});

test("thousands of odd files are read as systemd reads them", () => {
  // A reader that finds nothing, or generated files that hold nothing, would prove nothing.
  expect(oddRead.filter((variables) => Object.keys(variables).length > 0).length).toBeGreaterThan(count / 2);
  const different = oddFiles.flatMap((letters, index) => {
    const variables = { ours: ours(toBytes(letters)), systemd: oddRead[index] ?? {} };
    return Bun.deepEquals(variables.ours, variables.systemd) ? [] : [{ seed, index, bytes: letters, ...variables }];
  });
  different.sort((a, b) => a.bytes.length - b.bytes.length);
  if (different.length > 0)
    throw new Error(
      `${different.length} of ${count} files, the shortest of them:\n${different
        .slice(0, 5)
        .map((each) => JSON.stringify(each))
        .join("\n")}`,
    );
});

test("what is said to lose a file does, and nothing else loses one", () => {
  const reports = oddFiles.map((letters) => envProblems(toBytes(letters), [], version));
  const lost = reports.map((problems) => problems.some(({ kind }) => kind === "nul" || kind === "not-utf8"));
  const empty = oddRead.map((variables) => Object.keys(variables).length === 0);
  const named = oddFiles.map((letters) => statements(letters, version).some(assignsName));
  expect(lost.filter(Boolean).length).toBeGreaterThan(count / 50);
  expect(oddFiles.filter((_, index) => empty[index] !== (lost[index] || !named[index]))).toEqual([]);
  for (const [index, { line, message }] of reports.flatMap((problems, at) =>
    problems.map((each) => [at, each] as const),
  ))
    if (line > (oddFiles[index] ?? "").split("\n").length || message.length > 120 || /[\n\r]/.test(message))
      throw new Error(`line ${line}, "${message}" of ${JSON.stringify(oddFiles[index])} (seed ${seed}, file ${index})`);
});

test("a file that is not UTF-8 is lost as a whole; without the - the unit does not start", async () => {
  const { host } = sandbox;
  const files = { broken: "A=1\nB=\xff\nC=3\n", comment: "# \xff\nnonsense \xff\nA=1\n" };
  for (const [name, letters] of Object.entries(files)) {
    const folder = join(host.user.home, "files", name);
    mkdirSync(folder);
    writeFileSync(join(folder, "file.env"), toBytes(letters));
  }
  await startUnits(["read@broken.service", "read@comment.service", "strict@comment.service"]);
  const read = (name: string) =>
    variablesIn(join(host.user.home, "files", name, "read")).filter(([key]) => /^[ABC]$/.test(key));
  expect([read("broken"), ours(toBytes(files.broken))]).toEqual([[], {}]);
  expect([read("comment"), ours(toBytes(files.comment))]).toEqual([[["A", "1"]], { A: "1" }]);
  const strict = await host.exec(["systemctl", "--user", "start", "strict@broken.service"]);
  expect(succeeded(strict)).toBe(false);
  const shown = await host.exec(["systemctl", "--user", "show", "-p", "Result", "strict@broken.service"]);
  expect(shown.stdout.trim()).toBe("Result=resources");
});
