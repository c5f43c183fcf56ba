import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readRows, styledRow } from "../../src/core/screen-text.ts";
import { binary } from "../support/build.ts";
import { openFleet, type TestFleet } from "../support/fleet.ts";

// Programs that nobody here wrote: an editor, a file manager, and a coding agent, which shows its screen without an account.

const cache = join(process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? "", ".cache"), "mosaic-fleet-tests");
const codex = existsSync(cache) && readdirSync(cache).findLast((file) => file.startsWith("codex-"));

interface Program {
  readonly name: string;
  readonly path: string | null;
  /** What it is started with, after what it needs was laid out in a folder of its own. */
  command(folder: string, path: string): string;
  /** What it shows when it can be typed to. */
  readonly ready: RegExp;
  /** What is typed into it, and what then stands on its screen, row below row. */
  readonly text: string;
  readonly shown: readonly string[];
}

/** What a shell, tmux, a key or a format would make something else of. */
const ODD = `if (a && b) { say "it's $HOME; \`date\` #{pane_id} %d"; }`;

const programs: readonly Program[] = [
  {
    name: "vim",
    path: Bun.which("vim"),
    command(folder, path) {
      // It indents each line as the one before, unless it is told that what comes was pasted.
      const settings = [
        "set nocompatible autoindent number laststatus=2 noswapfile viminfo= shortmess+=F",
        "set t_RV= t_u7= t_RF= t_RB=", // a terminal that answers questions is sometimes taken for a key
        'let &t_BE = "\\e[?2004h"',
        'let &t_BD = "\\e[?2004l"',
        'let &t_PS = "\\e[200~"',
        'let &t_PE = "\\e[201~"',
        "syntax on",
      ];
      writeFileSync(join(folder, "vimrc"), settings.join("\n"));
      writeFileSync(join(folder, "text.c"), "int main(void) { return 0; }\n");
      return `${path} -u ${folder}/vimrc -c startinsert ${folder}/text.c`;
    },
    ready: /1 int main.*\n[\s\S]*-- INSERT --/,
    text: `    four\n        eight 漢字 é\n  ${ODD}\n-x; C-c Enter\n`,
    shown: [
      "  1     four",
      "  2         eight 漢字 é",
      `  3   ${ODD}`,
      "  4 -x; C-c Enter",
      "  5 int main(void) { return 0; }",
    ],
  },
  {
    name: "mc",
    path: Bun.which("mc"),
    command: (folder, path) => `${path} --nosubshell --nomouse --skin=default ${folder} ${folder}`,
    ready: /^ +Left +File +Command[\s\S]*│[\s\S]*1Help/,
    text: `echo ${ODD}`,
    shown: [`echo ${ODD}`],
  },
  {
    name: "codex",
    path: codex ? join(cache, codex) : null,
    command(folder, path) {
      // No provider of models is asked, nor whether there is a newer one.
      const nowhere = ["[model_providers.nowhere]", 'name = "nowhere"', 'base_url = "http://127.0.0.1:9/v1"'];
      const trusted = [`[projects."${folder}"]`, 'trust_level = "trusted"'];
      const first = ['model = "none"', 'model_provider = "nowhere"', "check_for_update_on_startup = false"];
      mkdirSync(join(folder, ".codex"));
      writeFileSync(
        join(folder, ".codex/config.toml"),
        [...first, ...nowhere, 'wire_api = "responses"', ...trusted, ""].join("\n"),
      );
      return `env HOME=${folder} ${path} --no-daemon`;
    },
    ready: /OpenAI Codex[\s\S]*› [\s\S]*for shortcuts/,
    text: `first, 漢字 é\n    ${ODD}\nlast`,
    shown: ["› first, 漢字 é", `      ${ODD}`, "  last"],
  },
];

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await openFleet();
});
afterAll(() => fleet.close());

for (const program of programs) if (program.path === null) console.error(`real programs: skipped: no ${program.name}`);

describe.each(programs)("$name", ({ name, path, command, ready, text, shown }) => {
  const agent = (verb: string, ...words: string[]) =>
    fleet.host.exec([binary, "agent", verb, name, ...words], { timeoutMs: 30_000 });
  const tail = async () => (await agent("tail")).stdout;
  const shows = (what: string, holds: (screen: string) => boolean) =>
    fleet
      .wait(`${name} shows ${what}`, async () => holds(await tail()), 30_000)
      .catch(async (error) => {
        throw new Error(`${error}\n${await tail()}`);
      });
  /** Row below row, each with nothing but blanks and a frame beside it. */
  const hasText = (screen: string) => {
    const rows = screen.split("\n");
    return rows.some((_, index) => shown.every((row, more) => rows[index + more]?.includes(row)));
  };
  const window = async () =>
    (
      await fleet.tmuxCommand(
        ...["list-sessions", "-F", "#{session_name} #{session_attached}", ";"],
        ...["list-windows", "-a", "-F", "#{session_name} #{window_width}x#{window_height} #{window_active_clients}"],
      )
    ).stdout;

  test.skipIf(path === null)(
    "starts, is sent a text that arrives exactly, is watched as it is, and is restarted",
    async () => {
      const folder = join(fleet.root, `work-${name}`);
      mkdirSync(folder);
      await fleet.agent(name, { MOSAIC_AGENT_COMMAND: command(folder, path ?? ""), MOSAIC_AGENT_WORKDIR: folder });
      expect(await agent("start")).toMatchObject({ kind: "exited", code: 0 });
      await shows("that it can be typed to", (screen) => ready.test(screen));
      const { pid } = await fleet.up(name);
      const before = await window();
      expect(before).toContain(`${name} 200x50`);

      const terminal = fleet.terminals.typed(`unset TMUX TMUX_PANE; ${binary} agent watch ${name}`, 200, 51);
      const follower = Bun.spawn([binary, "agent", "tail", name, "-f", "-n", "0"], {
        env: fleet.host.env,
        stdout: "pipe",
        stderr: "inherit",
      });
      let followed = "";
      const following = (async () => {
        for await (const chunk of follower.stdout) followed += new TextDecoder().decode(chunk);
      })();
      const seen = () => Bun.stripANSI(terminal.screen());
      await fleet.wait("it is watched", async () => ready.test(seen().replaceAll(/ +$/gm, "")), 10_000);

      const sent = await agent("send", "--no-enter", "--verify", text);
      expect(sent).toMatchObject({ kind: "exited", code: 0, stdout: expect.stringMatching(/^accepted: /) });
      await shows("the text", hasText);
      let [watched, own]: string[][] = [[], []];
      await fleet
        .wait("what is watched is what is there, in its colours", async () => {
          own = rowsOf((await fleet.tmuxCommand("capture-pane", "-p", "-e", "-N", "-t", `=${name}:`)).stdout);
          watched = rowsOf(terminal.screen("whole"));
          return JSON.stringify(watched) === JSON.stringify(own);
        })
        .catch(() => expect(watched).toEqual(own));
      await fleet.wait("who follows is told, too", async () => hasText(followed));
      expect(await window()).toBe(before);

      expect(await agent("restart")).toMatchObject({ kind: "exited", code: 0 });
      await shows("its first screen again", (screen) => ready.test(screen) && !hasText(screen));
      expect((await fleet.up(name)).pid).not.toBe(pid);
      await fleet.wait(
        "so does who watches",
        async () => !hasText(seen()) && ready.test(seen().replaceAll(/ +$/gm, "")),
      );
      terminal.press("q");
      expect(Bun.stripANSI(terminal.done())).toContain("exit 0");
      follower.kill("SIGINT");
      await following;
      await agent("stop");
    },
    90_000,
  );
});

function rowsOf(screen: string): string[] {
  return readRows(screen.split("\n").slice(0, 50)).map((row) => styledRow(row).trimEnd());
}
