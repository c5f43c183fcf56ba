import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { binary, bun, type Run, run, temporaryFolder, writeFiles } from "../support/build.ts";

// A folder that a program compiled by Bun would read in, if it were left at its defaults. The red half of this file
// shows that both traps spring for such a program; scripts/build runs the file on each binary before it is put in place.

const temporary = temporaryFolder();
afterAll(() => temporary[Symbol.dispose]());

const elsewhere = join(temporary.path, "elsewhere");
const hostile = join(temporary.path, "hostile");
const blocking = join(temporary.path, "blocking");
const marker = join(hostile, "marker");

const dotenv = [
  "BUN_OPTIONS=--preload=./evil.ts",
  "BUN_BE_BUN=1",
  "XDG_CONFIG_HOME=/hostile",
  "MOSAIC_TMUX_SOCKET=hostile",
  "FORCE_COLOR=3",
].join("\n");
const files = {
  ".env": dotenv,
  ".env.local": dotenv,
  ".env.development": dotenv,
  ".env.production": dotenv,
  "bunfig.toml": 'preload = ["./evil.ts"]\n',
  "evil.ts": `require("node:fs").writeFileSync(${JSON.stringify(marker)}, "");`,
  "package.json": '{ "name": "hostile", "version": "6.6.6", "type": "commonjs" }',
  "tsconfig.json": '{ "compilerOptions": { "baseUrl": ".", "paths": { "*": ["./evil.ts"] } } }',
};

mkdirSync(elsewhere);
writeFiles(hostile, files);
// The same names as FIFOs that nobody writes to: who opens one to read it, hangs.
mkdirSync(blocking);
run(["mkfifo", ...Object.keys(files)], { cwd: blocking });

/** Runs a program with an environment in which nothing that `.env` sets is set already. */
function runIn(cwd: string, argv: readonly string[]): Run {
  const { PATH, HOME } = process.env;
  return run(argv, { cwd, env: { PATH, HOME }, timeoutMs: 20_000 });
}

const commands: [string, (output: string) => string][] = [
  ["--version", (output) => output],
  ["--help", (output) => output],
  // Times, process ids and the like differ from run to run.
  ["doctor -o json", (output) => output.replace(/\d+(\.\d+)?/g, "0")],
];
/** How often both are asked: doctor tells of the whole machine, where others come and go. What is read in a folder is read each time. */
const TRIES = 30;

for (const [command, comparable] of commands) {
  test(`${command} says the same in a hostile folder as elsewhere, and reads nothing there`, () => {
    const argv = [binary, ...command.split(" ")];
    const told = (folder: string) => {
      const result = runIn(folder, argv);
      expect(result.code).not.toBeNull();
      expect(result.stdout + result.stderr).not.toContain("hostile");
      return { ...result, stdout: comparable(result.stdout) };
    };
    for (const folder of [hostile, blocking]) {
      for (let tries = 1; ; tries++) {
        const [plain, result] = [told(elsewhere), told(folder)];
        if (tries < TRIES && !Bun.deepEquals(plain, result)) continue;
        expect({ folder: basename(folder), ...result }).toEqual({ folder: basename(folder), ...plain });
        break;
      }
    }
    expect(readdirSync(hostile).sort()).toEqual(Object.keys(files).sort());
  });
}

// Bun accepts an option that it does not know without a word, so a misspelt one must be caught here.
for (const [how, options] of [
  ["no option", []],
  ["misspelt options", ["--no-compile-autoload-dot-env", "--no-compile-autoload-bun-fig"]],
] as const) {
  test(`the proof can fail: a program compiled with ${how} falls for it`, () => {
    const source = join(temporary.path, "program.ts");
    const program = join(temporary.path, "program");
    writeFiles(temporary.path, { "program.ts": "console.log(process.env.MOSAIC_TMUX_SOCKET);" });
    expect(run([bun, "build", "--compile", ...options, `--outfile=${program}`, source])).toMatchObject({ code: 0 });

    expect(runIn(elsewhere, [program]).stdout).toBe("undefined\n");
    expect(runIn(hostile, [program]).stdout).toBe("hostile\n");
    expect(existsSync(marker)).toBe(true);
    rmSync(marker);

    const hung = run([program], { cwd: blocking, timeoutMs: 500 });
    expect(hung.code).toBeNull();
  });
}
