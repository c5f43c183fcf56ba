import { afterAll, beforeAll, expect, test } from "bun:test";
import { statusLineSchema } from "../../src/cli/report/status-schema.ts";
import { binary } from "../support/build.ts";
import { openFleet, type TestFleet } from "../support/fleet.ts";
import type { Typed } from "../support/terminal.ts";

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await openFleet();
  for (const name of ["web", "api"]) await fleet.agent(name, { MOSAIC_AGENT_COMMAND: "sleep infinity" });
  await fleet.systemctl("start", "mosaic-agent@web");
  await fleet.up("web");
});
afterAll(() => fleet.close());

const plain = (terminal: Typed) => Bun.stripANSI(terminal.screen());
const sees = (terminal: Typed, text: RegExp) =>
  fleet.wait(`it shows ${text}`, async () => text.test(plain(terminal)), 5_000);
const watch = (words: string, columns = 100, rows = 24) =>
  fleet.terminals.typed(`unset TMUX TMUX_PANE; echo was here; ${binary} status --watch ${words}`, columns, rows);

test("-o ndjson: a line for each agent, then what changes, at once, though it looks once an hour", async () => {
  const child = Bun.spawn([binary, "status", "--watch", "--interval", "1h", "-o", "ndjson"], {
    env: fleet.host.env,
    stdout: "pipe",
    stderr: "inherit",
  });
  let text = "";
  const over = (async () => {
    for await (const chunk of child.stdout) text += new TextDecoder().decode(chunk);
  })();
  const lines = () =>
    text
      .split("\n")
      .slice(0, -1)
      .map((line) => statusLineSchema.parse(JSON.parse(line)));
  const last = (name: string) => lines().findLast((line) => "name" in line && line.name === name);
  await fleet.wait("the first lines", async () => lines().length >= 3);
  expect(lines()).toMatchObject([
    { type: "agent", name: "api", state: "stopped" },
    { type: "agent", name: "web", state: "up" },
    { type: "summary", holder: { up: true } },
  ]);
  await fleet.systemctl("start", "mosaic-agent@api");
  await fleet.wait(
    "api is up",
    async () => last("api")?.type === "agent" && JSON.stringify(last("api")).includes('"up"'),
    5_000,
  );
  await fleet.systemctl("stop", "mosaic-agent@api");
  await fleet.wait("api is stopped", async () => JSON.stringify(last("api")).includes('"stopped"'), 5_000);
  expect(lines().filter((line) => "name" in line && line.name === "web")).toHaveLength(1);
  child.kill("SIGINT");
  expect(await child.exited).toBe(130);
  await over;
});

test("it ends when nobody reads any more, though nothing changes", async () => {
  const script = `"$0" status api --watch --interval 1h -o ndjson | head -n 1`;
  const result = await fleet.host.exec(["sh", "-c", script, binary], { timeoutMs: 10_000 });
  expect(result).toMatchObject({ kind: "exited", code: 0, stdout: expect.stringContaining('"name":"api"') });
});

test("an agent that is no more is told; who does not read the next line ends it", async () => {
  for (const name of ["short", "other"]) await fleet.agent(name, { MOSAIC_AGENT_COMMAND: "sleep infinity" });
  const rm = (name: string) => `"$0" agent rm ${name} >/dev/null 2>&1`;
  const reader = `head -n 5 >/dev/null; ${rm("short")}; head -n 1; ${rm("other")}`;
  const script = `"$0" status --watch --interval 0.2s -o ndjson | { ${reader}; }`;
  const result = await fleet.host.exec(["sh", "-c", script, binary], { timeoutMs: 10_000 });
  expect(result).toMatchObject({ kind: "exited", code: 0, stdout: '{"type":"gone","name":"short"}\n' });
});

test("the table is drawn anew at once when a unit changes; q ends it with the fleet's exit code, and all is as it was", async () => {
  const terminal = watch("--interval 1h");
  await sees(terminal, /^api +stopped[\s\S]*web +up/m);
  expect(plain(terminal)).toMatch(/2 agents, 0 not well +\d\d:\d\d:\d\d, every 3600 s \| q ends/);
  expect(plain(terminal)).not.toContain("was here");
  await fleet.systemctl("start", "mosaic-agent@api");
  await sees(terminal, /^api +up/m);
  await fleet.dropIn("mosaic-agent@api.service", "[Service]\nRestart=no\n");
  await fleet.tmuxCommand("respawn-pane", "-k", "-t", "=api:", "exit 3");
  await sees(terminal, /^api +failed[\s\S]*2 agents, 1 not well/m);
  terminal.press("q");
  const screen = Bun.stripANSI(terminal.done());
  expect(screen).toStartWith("was here\nexit 1\n");
});

test("more agents than rows are moved by keys; Ctrl-C ends it", async () => {
  const names = Array.from({ length: 30 }, (_, n) => `many-${String(n).padStart(2, "0")}`);
  for (const name of names) await fleet.agent(name, { MOSAIC_AGENT_COMMAND: "sleep infinity" });
  const terminal = watch("'many-*'", 100, 12);
  await sees(terminal, /many-09 [\s\S]*lines 1 to 10 of 30: arrows move/);
  expect(plain(terminal)).not.toContain("many-10");
  terminal.press("NPage", "Down");
  await sees(terminal, /^AGENT[\s\S]*\nmany-11 [\s\S]*many-20 [\s\S]*lines 12 to 21 of 30/);
  terminal.press("End");
  await sees(terminal, /many-29/);
  terminal.resize(100, 40);
  await sees(terminal, /many-00 [\s\S]*many-29 [\s\S]*30 agents/);
  terminal.press("C-c");
  expect(Bun.stripANSI(terminal.done())).toStartWith("was here\nexit 130\n");
});

test("without a terminal the table is not watched, nor what no reader can tell apart", async () => {
  const typed = (...words: string[]) => fleet.host.exec([binary, "status", "--watch", ...words]);
  const piped = await typed();
  expect(piped).toMatchObject({ kind: "exited", code: 64, stdout: "" });
  expect(piped.stderr).toContain("mosaic-fleet status --watch -o ndjson");
  expect(await typed("-o", "json")).toMatchObject({ kind: "exited", code: 64, stdout: "" });
  expect(await typed("-o", "ndjson", "--interval", "soon")).toMatchObject({ kind: "exited", code: 64, stdout: "" });
});
