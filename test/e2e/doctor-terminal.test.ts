import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { asIfBooted, binary, run } from "../support/build.ts";
import { openFleet, type TestFleet } from "../support/fleet.ts";

const QUESTION = "Do that? [y/N]";

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await openFleet();
});
afterAll(() => fleet.close());

/** Doctor's words as a shell takes them, on a machine as if booted. */
function typed(words: string, columns = 80) {
  const quoted = asIfBooted([binary, "doctor"]).map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  return fleet.terminals.typed(`unset TMUX TMUX_PANE; ${quoted.join(" ")} ${words}`, columns);
}

const plain = (screen: string) => Bun.stripANSI(screen);

describe("--fix at a terminal", () => {
  let missing: string;
  beforeEach(() => {
    missing = join(fleet.paths.tools, "agent-pane.sh");
    rmSync(missing, { force: true });
  });

  async function asked() {
    const terminal = typed("--fix --only layout.files");
    await fleet.wait("it asks", async () => plain(terminal.screen()).includes(QUESTION));
    expect(plain(terminal.screen())).toContain(
      "This can be mended:\n  mosaic-fleet install --restore  (layout.files)\n",
    );
    expect(existsSync(missing)).toBe(false);
    return terminal;
  }

  for (const answer of ["y", "Yes"]) {
    test(`${answer}: it is done`, async () => {
      const terminal = await asked();
      terminal.press(answer, "Enter");
      const screen = plain(terminal.done());
      expect(screen).toContain("done     mosaic-fleet install --restore  (layout.files)");
      expect(screen).toContain("Nothing is broken.");
      expect(screen).toContain("exit 0");
      expect(existsSync(missing)).toBe(true);
    });
  }

  for (const keys of [["n", "Enter"], ["Enter"], ["yn", "Enter"], ["C-d"]]) {
    test(`${keys.join(" ")}: nothing is changed, and the verdict is said`, async () => {
      const terminal = await asked();
      terminal.press(...keys);
      const screen = plain(terminal.done());
      expect(screen).toContain("Nothing was changed.");
      expect(screen).toContain("not done mosaic-fleet install");
      expect(screen).toContain("Something is broken.");
      expect(screen).toContain("exit 1");
      expect(existsSync(missing)).toBe(false);
    });
  }

  test("Ctrl-C: nothing is changed, and nothing said", async () => {
    const terminal = await asked();
    terminal.press("C-c");
    const screen = plain(terminal.done());
    expect(screen).toContain("mosaic-fleet doctor: interrupted");
    expect(screen).not.toContain("Something is broken.");
    expect(screen).toContain("exit 130");
    expect(existsSync(missing)).toBe(false);
  });

  test("--wait says what is still not well, and leaves no trace of that", async () => {
    const terminal = typed("--wait 20s --only layout.files");
    await fleet.wait("it waits", async () => /waiting, \d+ s of 20 s: 1 fail/.test(plain(terminal.screen())));
    expect(run([binary, "install", "--restore"], { env: { ...fleet.host.env } }).code).toBe(0);
    const screen = plain(terminal.done());
    expect(screen).not.toContain("waiting,");
    expect(screen).toMatch(/in \d+ ms, after waiting \d+ s/);
    expect(screen).toContain("exit 0");
  });
});

describe("a fleet with two hundred broken agents", () => {
  beforeAll(async () => {
    for (let index = 0; index < 200; index++)
      await fleet.agent(`agent-${String(index).padStart(3, "0")}`, {
        MOSAIC_AGENT_WORKDIR: `/nonexistent/作業/${index}`,
      });
  });
  afterAll(() => {
    for (const name of Array.from({ length: 200 }, (_, index) => `agent-${String(index).padStart(3, "0")}`))
      rmSync(join(fleet.paths.agents, `${name}.env`));
  });

  test("ten are named, and how many more there are; one line each at 80 columns", () => {
    const screen = plain(typed("--only agents.workdir").done());
    expect(screen).toContain("200 of 200 agents");
    expect(screen.match(/^ {9}agent-\d{3}: /gm)).toHaveLength(10);
    expect(screen).toContain("and 190 more: -v");
  });

  test("with -v all", () => {
    const { stdout } = run(asIfBooted([binary, "doctor", "-v", "--only", "agents.workdir"]), {
      env: { ...fleet.host.env },
    });
    expect(stdout.match(/^ {9}agent-\d{3}: /gm)).toHaveLength(200);
    expect(stdout).not.toContain("more: -v");
  });
});

test("what would move the cursor is not written, and wide characters are counted", async () => {
  const name = "odd";
  const text = `MOSAIC_AGENT_WORKDIR="/nonexistent/\x1b[2J\x07 ${"作業 ".repeat(60)}"\n`;
  const path = join(fleet.paths.agents, `${name}.env`);
  writeFileSync(path, text, { mode: 0o600 });
  try {
    const { stdout } = run(asIfBooted([binary, "doctor", "--only", "agents.workdir"]), { env: { ...fleet.host.env } });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
    expect(stdout).not.toMatch(/[\x00-\x09\x0b-\x1f]/);
    const wide = stdout.split("\n").filter((line) => Bun.stringWidth(line) > 80 && !line.includes("$ "));
    expect(wide).toEqual([]);
  } finally {
    rmSync(path);
  }
});
