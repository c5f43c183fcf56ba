import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { binary } from "../support/build.ts";
import { openFleet, type TestFleet } from "../support/fleet.ts";

// A person at a terminal, and what the agent does meanwhile.

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await openFleet();
});
afterAll(() => fleet.close());

const plain = (screen: string) => Bun.stripANSI(screen);
const viewers = async (name: string) =>
  (await fleet.tmuxCommand("list-clients", "-t", `=${name}`, "-F", "#{client_pid}")).stdout.split("\n").filter(Boolean);

async function start(name: string, command: string): Promise<void> {
  await fleet.agent(name, { MOSAIC_AGENT_COMMAND: command });
  expect((await fleet.systemctl("start", `mosaic-agent@${name}`)).kind).toBe("exited");
  await fleet.up(name);
}

/** A terminal outside of any tmux, as far as the program can tell, unless told otherwise. */
async function attached(name: string, before = "unset TMUX TMUX_PANE; ") {
  const terminal = fleet.terminals.typed(`${before}${binary} agent attach ${name}`);
  await fleet.wait(`${name} is attached`, async () => (await viewers(name)).length === 1);
  return terminal;
}

/** An agent that counts its starts, says something on each, and ends with status 7 when it reads a line. */
const mortal = (name: string) => {
  const count = join(fleet.root, `${name}.count`);
  return `sh -c 'echo >>${count}; echo life $(wc -l <${count}); seq -f word-%g 60; read line; exit 7'`;
};

test("the viewer stays when the agent dies and is restarted, with the scrollback, and sees the exit status", async () => {
  await start("mortal", mortal("mortal"));
  const terminal = await attached("mortal");
  const [viewer] = await viewers("mortal");
  const { pid, sessionId } = await fleet.up("mortal");
  await fleet.wait("its words", async () => plain(terminal.screen()).includes("word-60"));
  await fleet.tmuxCommand("send-keys", "-t", "=mortal:", "Enter");
  await fleet.wait("another process", async () => (await fleet.pane("mortal"))?.pid !== pid);
  await fleet.wait("its second life", async () => (await history("mortal")).includes("life 2"));
  expect(await fleet.up("mortal")).toMatchObject({ sessionId });
  expect(await viewers("mortal")).toEqual([viewer as string]);
  const lines = (await history("mortal")).split("\n").map((line) => line.trim());
  // All of the first life, not only what had left the screen; then its end; then the second.
  const first = lines.slice(lines.indexOf("life 1"), lines.indexOf("life 2"));
  expect(first.slice(0, 61)).toEqual(["life 1", ...Array.from({ length: 60 }, (_, n) => `word-${n + 1}`)]);
  expect(first.join("\n")).toMatch(/Pane is dead \(status 7,/);
  await fleet.wait("how it ended, before the viewer's eyes", async () =>
    plain(terminal.screen()).includes("before: exited with status 7"),
  );
  terminal.press("C-b", "d");
  expect(plain(terminal.done())).toContain("exit 0");
  await fleet.systemctl("stop", "mosaic-agent@mortal");
});

const history = async (name: string) =>
  (await fleet.tmuxCommand("capture-pane", "-p", "-S", "-", "-t", `=${name}:`)).stdout;

test("a stop ends the viewer, which says so", async () => {
  await start("stopped", "sleep infinity");
  const terminal = await attached("stopped");
  await fleet.systemctl("stop", "mosaic-agent@stopped");
  const screen = plain(terminal.done());
  expect(screen).toContain("stopped was stopped. To start it: mosaic-fleet agent start stopped");
  expect(screen).toContain("exit 0");
});

test("a crash of the server is said, and the viewer is back with the agent", async () => {
  await start("crash", "sleep infinity");
  const terminal = await attached("crash");
  const server = await fleet.tmux.server();
  fleet.host.kill(server?.pid ?? 0, "SIGKILL");
  await fleet.wait("another server", async () => ((await fleet.tmux.server())?.pid ?? server?.pid) !== server?.pid);
  await fleet.up("crash");
  await fleet.wait("the viewer is back", async () => (await viewers("crash")).length === 1);
  terminal.press("C-b", "d");
  const screen = plain(terminal.done());
  expect(screen).toContain("The tmux server has ended. Waiting for crash to be back");
  expect(screen).toContain("exit 0");
});

test("within another tmux it is a client of its own; the two prefixes do not get in each other's way", async () => {
  await start("nested", "sleep infinity");
  const terminal = await attached("nested", "");
  terminal.press("C-b", "d");
  const screen = plain(terminal.done());
  expect(screen).toContain("Within tmux: the prefix twice, then d, comes back here.");
  expect(screen).toContain("exit 0");
});

test("within the fleet's own tmux the client is switched: no tmux in a tmux", async () => {
  await start("here", "sh -c 'sleep infinity; true'");
  await start("there", "sleep infinity");
  const terminal = await attached("here");
  await fleet.tmuxCommand("new-window", "-t", "=here:", `${binary} agent attach there; echo "switched $?"; exec cat`);
  await fleet.wait("the client is switched", async () => (await viewers("there")).length === 1);
  expect(await viewers("here")).toEqual([]);
  terminal.press("C-b", "d");
  expect(plain(terminal.done())).toContain("exit 0");
});

test("a terminal that tmux does not know: what to type instead", async () => {
  await start("odd", "sleep infinity");
  for (const term of ["nonsense", "dumb"]) {
    const terminal = fleet.terminals.typed(`unset TMUX TMUX_PANE; TERM=${term} ${binary} agent attach odd`);
    const said = plain(terminal.done());
    expect(said).toContain(`TERM=xterm-256color mosaic-fleet agent attach odd\n          # TERM here is "${term}"`);
    expect(said).toContain("exit 69");
  }
});

test("without a terminal: what to type instead", async () => {
  await start("pipe", "sleep infinity");
  const result = await fleet.host.exec([binary, "agent", "attach", "pipe"]);
  expect(result).toMatchObject({ kind: "exited", code: 64 });
  expect(result.stderr).toContain("mosaic-fleet status pipe");
});
