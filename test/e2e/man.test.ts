import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { commands } from "../../src/cli/commands.ts";
import { plain } from "../../src/cli/report/roff.ts";
import { specOf } from "../../src/cli/spec.ts";
import { EXIT } from "../../src/core/exit.ts";
import { binary, run, temporaryFolder, tree } from "../support/build.ts";
import { openTerminals } from "../support/terminal.ts";

// The manual, as the compiled binary writes it and as man, groff and mandoc read it.

const temporary = temporaryFolder();
afterAll(() => temporary[Symbol.dispose]());
const folder = (name: string) => join(temporary.path, name);
const has = (program: string) => Bun.which(program) !== null;

const env = { ...process.env, SOURCE_DATE_EPOCH: "1700000000", LC_ALL: "C.UTF-8" };
const man1 = folder("man/man1");
const written = run([binary, "man", "--dir", man1], { env });
const pages = written.code === 0 ? readdirSync(man1).sort() : [];
const names = Object.keys(commands) as (keyof typeof commands)[];
const pageOf = (command: string) => `mosaic-fleet-${command.replaceAll(" ", "-")}.1`;

/** A page as a reader of 80 columns sees it, without bold and the like. */
function shown(page: string, columns = 80): string {
  const argv = ["groff", "-man", "-Tutf8", "-P-cbou", `-rLL=${columns}n`, join(man1, page)];
  return run(argv).stdout;
}
/** The same on one line, so that a line break is a blank. */
const flat = (text: string) => text.replace(/\s+/g, " ");
/** And without blanks at all: a long word may be broken where roff was told that it can be. */
const dense = (text: string) => text.replace(/\s+/g, "");

test("--dir writes a page of the program, of each command, and of what some of them start with, for everyone to read", () => {
  expect(written).toEqual({ code: 0, stdout: expect.stringContaining(`Wrote ${names.length + 2} pages`), stderr: "" });
  expect(pages).toEqual(["mosaic-fleet.1", "mosaic-fleet-agent.1", ...names.map(pageOf)].sort());
  for (const page of pages) expect(statSync(join(man1, page)).mode & 0o777).toBe(0o644);
});

test("a page has the day of SOURCE_DATE_EPOCH, or none; no other thing makes two of them differ", () => {
  expect(readFileSync(join(man1, "mosaic-fleet.1"), "utf8")).toContain('"2023-11-14"');
  const again = (name: string, more: Record<string, string | undefined>) =>
    run([binary, "man", "--dir", folder(name)], {
      cwd: "/",
      env: { ...env, TZ: "Pacific/Chatham", LC_ALL: "C", ...more },
    });
  again("again", {});
  expect(run(["diff", "-r", man1, folder("again")])).toEqual({ code: 0, stdout: "", stderr: "" });
  again("undated", { SOURCE_DATE_EPOCH: undefined });
  const undated = readFileSync(join(folder("undated"), "mosaic-fleet.1"), "utf8");
  expect(undated).toContain('.TH "MOSAIC\\-FLEET" "1" "" ');
  expect(undated.replace('"" "mosaic', '"2023-11-14" "mosaic')).toBe(
    readFileSync(join(man1, "mosaic-fleet.1"), "utf8"),
  );
});

test("the source is ASCII without tabs, and no line of text is taken for a request", () => {
  const requests = /^\.(TH|SH|SS|PP|TP|SY|YS|nr|nh|ad|\\") ?/;
  for (const page of pages) {
    const source = readFileSync(join(man1, page), "utf8");
    expect(source).toMatch(/^[\n -~]+\n$/);
    for (const line of source.split("\n")) expect(/^[.']/.test(line) && !requests.test(line) ? line : "").toBe("");
  }
});

describe.skipIf(!has("groff"))("groff (takes groff)", () => {
  test("finds nothing wrong", () => {
    for (const page of pages)
      expect(run(["groff", "-man", "-ww", "-Tutf8", "-z", join(man1, page)])).toEqual({
        code: 0,
        stdout: "",
        stderr: "",
      });
  });

  for (const name of names)
    test(`the page of ${name} has all that the command says of itself`, async () => {
      const { command } = await commands[name].load();
      const text = shown(pageOf(name));
      expect(text.split("\n").filter((line) => line.length > 80)).toEqual([]);
      for (const title of ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES", "SEE ALSO"])
        expect(text).toMatch(new RegExp(`^${title}$`, "m"));
      expect(flat(text)).toContain(`mosaic-fleet-${name.replaceAll(" ", "-")} - ${commands[name].summary}`);
      expect(flat(text)).toContain(flat(command.summary));
      const { options, positionals } = specOf(command);
      const synopsis = /^SYNOPSIS\n(.*?)^\S/ms.exec(text)?.[1] ?? "";
      expect(flat(synopsis)).toStartWith(` mosaic-fleet ${name} `);
      for (const { name: word } of positionals) expect(synopsis).toContain(word);
      const table = /^OPTIONS\n(.*?)^\S/ms.exec(text)?.[1] ?? "";
      for (const { spellings, value = "", description } of options) {
        const typed = spellings.toReversed().join(", ");
        expect(dense(table)).toContain(dense(`${typed}${value}`));
        expect(dense(table).toLowerCase()).toContain(dense(description).toLowerCase());
        if (spellings[0] !== "--help") expect(dense(synopsis)).toContain(dense(`[${spellings[0]}${value}]`));
      }
      const exits = flat(/^EXIT STATUS\n(.*?)^\S/ms.exec(text)?.[1] ?? "").toLowerCase();
      for (const [code, meaning] of command.exits) expect(exits).toContain(` ${code} ${flat(meaning)}.`.toLowerCase());
      for (const [typed, does] of command.examples) {
        expect(flat(text)).toContain(flat(typed));
        expect(flat(text).toLowerCase()).toContain(flat(does).toLowerCase());
      }
    });

  test("the page of agent has its commands", () => {
    const text = flat(shown("mosaic-fleet-agent.1"));
    for (const name of names) if (name.startsWith("agent ")) expect(text).toContain(`${pageOf(name).slice(0, -2)}(1) `);
  });

  test("the page of the program has every command, every exit code, every setting", () => {
    const text = flat(shown("mosaic-fleet.1"));
    for (const name of names) expect(text).toContain(`${pageOf(name).slice(0, -2)}(1) `);
    for (const code of Object.values(EXIT)) expect(text).toMatch(new RegExp(` ${code} [A-Z]`));
    const settings = run(["sh", "-c", "grep -oh 'MOSAIC_[A-Z_]*' README.md | sort -u"], { cwd: tree }).stdout;
    for (const key of settings.split("\n").filter(Boolean)) expect(text).toContain(key);
  });

  test("text prints character by character, whatever it starts with and has in it", () => {
    const strange = [
      ".SH no request",
      "'br neither",
      "\\fBno font \\n(.$",
      '"quoted" `x` ^ ~/x -o --all',
      "a…b → ü 🚀",
    ];
    for (const text of strange) {
      const source = `.TH X 1 2023-11-14\n.SH NAME\nx\n.PP\n${plain(text)}\n`;
      const printed = Bun.spawnSync(["groff", "-man", "-ww", "-Tutf8", "-P-cbou"], { stdin: Buffer.from(source) });
      expect(printed.stderr.toString()).toBe("");
      expect(printed.stdout.toString()).toContain(`\n       ${text}\n`);
    }
  });
});

test.skipIf(!has("mandoc"))("mandoc finds nothing wrong (takes mandoc)", () => {
  for (const page of pages)
    expect(run(["mandoc", "-T", "lint", "-W", "warning", join(man1, page)])).toEqual({
      code: 0,
      stdout: "",
      stderr: "",
    });
});

test("every variable that the source reads is in it, or is one that only says who the user is", () => {
  const own = ["LOGNAME", "USER", "SUDO_UID", "SUDO_USER", "SSH_CONNECTION", "DBUS_SYSTEM_BUS_ADDRESS"];
  const sources = [...new Bun.Glob("src/**/*.ts").scanSync(tree)].map((path) => readFileSync(join(tree, path), "utf8"));
  const read = new Set(
    sources.flatMap((text) => [...text.matchAll(/(?<!")\benv\.([A-Z][A-Z_]+)/g)].map(([, name]) => name ?? "")),
  );
  expect(read.size).toBeGreaterThan(15);
  const page = readFileSync(join(man1, "mosaic-fleet.1"), "utf8");
  const section = /^\.SH ENVIRONMENT\n(.*?)^\.SH/ms.exec(page)?.[1] ?? "";
  for (const name of read) if (!own.includes(name)) expect(section).toContain(name);
});

describe("without --dir", () => {
  test("a pipe gets the source of the page", () => {
    for (const [words, page] of [
      [[], "mosaic-fleet.1"],
      [["doctor"], "mosaic-fleet-doctor.1"],
      [["agent"], "mosaic-fleet-agent.1"],
      [["agent", "start"], "mosaic-fleet-agent-start.1"],
    ] as const) {
      const { code, stdout, stderr } = run([binary, "man", ...words], { env });
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toBe(readFileSync(join(man1, page), "utf8"));
    }
  });

  for (const words of [["frobnicate"], ["agent", "frobnicate"], ["__proto__"], ["doctor", "--dir", "/tmp"]])
    test(`${words.join(" ")} is wrong usage`, () => expect(run([binary, "man", ...words]).code).toBe(64));

  test("a folder that cannot be made is said, and what to type", () => {
    const { code, stderr } = run([binary, "man", "--dir", join(binary, "there")]);
    expect({ code, stderr }).toEqual({ code: 73, stderr: expect.stringContaining("man --dir DIR") });
  });

  test.skipIf(!has("man"))(
    "a terminal gets it from man; where there is none, it is said, and nothing is left (takes man)",
    () => {
      const terminals = openTerminals({ ...process.env, MANPAGER: "cat", TMPDIR: temporary.path });
      try {
        const page = terminals.typed(`${binary} man completions`, 80).done();
        expect(page).toContain("MOSAIC-FLEET-COMPLETIONS(1)");
        expect(page).toContain("exit 0");
        const bare = folder("bare");
        mkdirSync(bare);
        for (const program of ["tmux", "cat", "sh"]) symlinkSync(Bun.which(program) ?? "", join(bare, program));
        const none = terminals.typed(`PATH=${bare}; export PATH; ${binary} man agent start`, 80).done();
        expect(none).toContain("man is not installed");
        expect(none).toContain("mosaic-fleet help agent start");
        expect(none).toContain("exit 69");
        expect(readdirSync("/tmp").filter((name) => name.startsWith("mosaic-man-"))).toEqual([]);
      } finally {
        terminals.close();
      }
    },
  );
});

test.skipIf(!has("man") || !has("lexgrog"))("man finds them by name, whatis by what they are (takes man-db)", () => {
  const found = run(["man", "-M", dirname(man1), "--where", "mosaic-fleet-agent-start"]);
  expect(found.stdout).toBe(`${join(man1, "mosaic-fleet-agent-start.1")}\n`);
  for (const page of pages)
    expect(run(["lexgrog", join(man1, page)]).stdout).toStartWith(`${join(man1, page)}: "${page.slice(0, -2)} - `);
});
