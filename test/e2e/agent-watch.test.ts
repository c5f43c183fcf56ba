import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readRows, styledRow } from "../../src/core/screen-text.ts";
import { binary } from "../support/build.ts";
import { openFleet, type TestFleet } from "../support/fleet.ts";
import type { Typed } from "../support/terminal.ts";

// A person who only looks, at a real terminal.

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await openFleet();
});
afterAll(() => fleet.close());

const received = (name: string) => readFileSync(join(fleet.root, `${name}.received`), "utf8");

/** An agent that runs a script, then writes down what it is typed. */
async function agent(name: string, script: string): Promise<void> {
  const file = join(fleet.root, `${name}.sh`);
  writeFileSync(file, `stty raw -echo\n${script}\ncat >${join(fleet.root, name)}.received\n`);
  await fleet.agent(name, { MOSAIC_AGENT_COMMAND: `sh ${file}` });
  await fleet.systemctl("start", `mosaic-agent@${name}`);
  await fleet.up(name);
}

/** Everything on the fleet's server that a viewer could have changed. */
async function serverState(): Promise<string> {
  const sessions = "#{session_name} #{session_id} #{session_attached} #{window_id} #{window_width}x#{window_height}";
  const options = await fleet.tmuxCommand("show-options", "-g", ";", "show-options", "-gw", ";", "show-hooks", "-g");
  const parts = [
    await fleet.tmuxCommand("list-clients", "-F", "#{client_pid}"),
    await fleet.tmuxCommand(
      "list-panes",
      "-a",
      "-F",
      `${sessions} #{pane_id} #{pane_width}x#{pane_height} #{pane_pipe}`,
    ),
    options,
  ];
  return parts.map(({ stdout }) => stdout).join("--\n");
}

function watch(name: string, columns?: number, rows?: number, before = ""): Typed {
  return fleet.terminals.typed(`unset TMUX TMUX_PANE; ${before}${binary} agent watch ${name}`, columns, rows);
}

const rowsOf = (screen: string) => readRows(screen.split("\n")).map(styledRow);
const plain = (screen: string) =>
  Bun.stripANSI(screen)
    .split("\n")
    .map((row) => row.trimEnd());
const sees = (terminal: Typed, text: string) =>
  fleet
    .wait(`it shows ${text}`, async () => plain(terminal.screen()).join("\n").includes(text), 10_000)
    .catch((error) => {
      throw new Error(`${error}\n${terminal.screen()}`);
    });

/** Rows of numbers that fill the agent's window, the cursor at the end of the last one. */
const FULL = "for n in $(seq 50); do printf '\\033[%s;1Hrow %s' $n $n; done; printf '\\033[50;190Hright'";

test("all of it, in colour, as it is and as it changes; the agent and its server know nothing of it", async () => {
  const paint =
    "printf '\\033[1;31mred\\033[0m plain \\033[44mblue with blanks      \\033[0m\\r\\n漢字 \\033(0lqk\\033(B'";
  await agent("colours", `${paint}; sleep 2; printf '\\r\\nlater'`);
  const before = await serverState();
  const terminal = watch("colours", 200, 51);
  await sees(terminal, "later");
  const agentScreen = (await fleet.tmuxCommand("capture-pane", "-p", "-e", "-N", "-t", "=colours:")).stdout;
  expect(rowsOf(terminal.screen("whole")).slice(0, 50)).toEqual(rowsOf(agentScreen).slice(0, 50));
  expect(terminal.screen()).toContain("\x1b[1m\x1b[31mred");
  expect(rowsOf(agentScreen)[0]).toContain(`\x1b[44mblue with blanks      \x1b[0m`);
  expect(plain(terminal.screen())[50]).toMatch(/^ colours: up {100,}read-only, q ends$/);
  terminal.press("x", "Enter", "C-d", "y");
  await fleet.tmuxCommand("send-keys", "-t", "=colours:", "its own"); // and so we know that what is typed would be there
  await fleet.wait("what is typed to the agent", async () => received("colours") !== "");
  expect(received("colours")).toBe("its own");
  expect(await serverState()).toBe(before);
  terminal.press("q");
  expect(terminal.done()).toContain("exit 0");
  expect(await serverState()).toBe(before);
});

test("a smaller terminal shows the part with the cursor; keys move it; it follows a resize", async () => {
  await agent("large", FULL);
  const before = await serverState();
  const terminal = watch("large", 80, 24);
  await sees(terminal, "right");
  expect(plain(terminal.screen())[22]).toEndWith("right");
  expect(plain(terminal.screen())[23]).toBe(
    ` large: up${" ".repeat(17)}80x23 of its 200x50: arrows move | read-only, q ends`,
  );
  terminal.press(
    ..."x"
      .repeat(20)
      .split("")
      .map(() => "Left"),
  );
  await sees(terminal, "row 28");
  expect(plain(terminal.screen()).slice(0, 23)).toEqual(Array.from({ length: 23 }, (_, n) => `row ${n + 28}`));
  terminal.press("PPage", "PPage", "PPage");
  await sees(terminal, "row 1\n");
  terminal.press("Down");
  await sees(terminal, "row 24\n");
  expect(plain(terminal.screen())[0]).toBe("row 2");
  terminal.resize(100, 30);
  await sees(terminal, "row 30\n");
  expect(plain(terminal.screen())[29]).toContain("100x29 of its 200x50");
  terminal.press("c");
  await sees(terminal, "right");
  terminal.resize(250, 60);
  await fleet.wait("all of it", async () => plain(terminal.screen())[0] === "row 1");
  expect(plain(terminal.screen())[59]).not.toContain("arrows");
  expect(await serverState()).toBe(before);
  terminal.press("q");
  expect(terminal.done()).toContain("exit 0");
});

for (const [how, code] of [
  ["q", 0],
  ["C-c", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
  ["SIGKILL", 137],
] as const)
  test(`ended by ${how} it leaves nothing: at the agent, on the server, or at the terminal`, async () => {
    const name = `ends-${how}`;
    await agent(name, FULL);
    const before = await serverState();
    const pid = join(fleet.root, `${name}.pid`);
    const terminal = watch(name, 80, 24, `echo was here; stty -g >${pid}.stty; exec 3>&1; echo $$ >${pid}; `);
    await sees(terminal, "right");
    const shell = Number(readFileSync(pid, "utf8"));
    const [child = 0] = readFileSync(`/proc/${shell}/task/${shell}/children`, "utf8").split(" ").map(Number);
    if (how.startsWith("SIG")) process.kill(child, how as NodeJS.Signals);
    else terminal.press(how);
    const screen = plain(terminal.done()).join("\n");
    expect(screen).toContain(`exit ${code}`);
    expect(await serverState()).toBe(before);
    await fleet.systemctl("stop", `mosaic-agent@${name}`);
    if (how === "SIGKILL") return; // nobody can put the terminal in order
    expect(screen).toStartWith("was here\n");
    expect(screen).not.toContain("row");
  });

test("the terminal's own settings are back", async () => {
  await agent("settings", FULL);
  const terminal = fleet.terminals.typed(
    `unset TMUX TMUX_PANE; stty -g; ${binary} agent watch settings; stty -g`,
    200,
    24,
  );
  await sees(terminal, "right");
  terminal.press("q");
  const [before, after] = plain(terminal.done());
  expect(after).toBe(before as string);
});

test("a restart and a crash of the server are gone through; a stop ends it, and is said", async () => {
  const lives = join(fleet.root, "lives");
  await agent("mortal", `echo >>${lives}; printf 'life %s' $(wc -l <${lives}); head -c 1 >/dev/null; exit 7`);
  const terminal = watch("mortal", 200, 51);
  await sees(terminal, "life 1");
  await fleet.tmuxCommand("send-keys", "-t", "=mortal:", "x");
  await sees(terminal, "life 2");
  expect(plain(terminal.screen()).join("\n")).not.toContain("life 1");
  fleet.host.kill((await fleet.tmux.server())?.pid ?? 0, "SIGKILL");
  await sees(terminal, "life 3");
  await sees(terminal, "mortal: up");
  await fleet.systemctl("stop", "mosaic-agent@mortal");
  const screen = plain(terminal.done()).join("\n");
  expect(screen).toContain("mortal does not run any more. To start it: mosaic-fleet agent start mortal\nexit 0");
  await fleet.systemctl("enable", "--now", "mosaic-agent@mortal");
  const again = watch("mortal", 200, 51);
  await sees(again, "life 4");
  expect(await fleet.host.exec([binary, "agent", "rm", "mortal", "--yes"])).toMatchObject({ code: 0 });
  expect(plain(again.done()).join("\n")).toContain("mortal does not run any more. It was removed.\nexit 0");
});

test("without a terminal, and of an agent that does not run: what to type", async () => {
  await agent("there", FULL);
  const piped = await fleet.host.exec([binary, "agent", "watch", "there"]);
  expect(piped).toMatchObject({ kind: "exited", code: 64, stdout: "" });
  expect(piped.stderr).toContain("mosaic-fleet agent tail there -f");
  await fleet.agent("stopped", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
  const terminal = watch("stopped", 80, 24);
  expect(plain(terminal.done()).join("\n")).toMatch(
    /^Nothing to watch\.[\s\S]*mosaic-fleet agent start stopped[\s\S]*exit 69/,
  );
});
