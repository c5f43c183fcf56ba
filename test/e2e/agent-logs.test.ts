import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary } from "../support/build.ts";
import { openFleet, type TestFleet } from "../support/fleet.ts";

// The journal of a sandbox does not know units, since its cgroups are below no user@.service: a stand-in for journalctl asks
// the real one for what the agents' scripts said. test/machines asks a whole machine's journal, without it.

let fleet: TestFleet;
let real: string;
let empty: string;
beforeAll(async () => {
  fleet = await openFleet();
  real = standIn("real", fleet.journalctl);
  empty = standIn("empty", ["--directory", fleet.root]);
  await fleet.agent("web", { MOSAIC_AGENT_COMMAND: "sh -c 'sleep 0.3; exit 3'", WEB_TOKEN: "open-sesame-4711" });
  await fleet.systemctl("start", "mosaic-agent@web");
  await fleet.wait("it has ended twice", async () => (await ends()) >= 2);
  await fleet.systemctl("stop", "mosaic-agent@web");
});
afterAll(() => fleet.close());

const ends = async () => (await fleet.journal()).filter((line) => line === "web: exited with status 3").length;

/** A folder for PATH with a journalctl that reads another journal. */
function standIn(name: string, journal: readonly string[]): string {
  const folder = join(fleet.root, name);
  mkdirSync(folder);
  const script = `#!/bin/sh
n=$#
while [ $n -gt 0 ]; do
  case $1 in --user-unit=mosaic-agent@*.service) set -- "$@" -t mosaic-agent ;; *) set -- "$@" "$1" ;; esac
  shift; n=$((n - 1))
done
exec /usr/bin/journalctl ${journal.join(" ")} "$@"
`;
  writeFileSync(join(folder, "journalctl"), script);
  chmodSync(join(folder, "journalctl"), 0o755);
  return folder;
}

const typed = (path: string, ...words: string[]) =>
  fleet.host.exec([binary, "agent", "logs", ...words], { env: { PATH: `${path}:${fleet.host.env.PATH}` } });
const lines = (text: string) => text.trimEnd().split("\n");

test("the last of what was said, as journalctl prints it, the oldest first", async () => {
  const all = await typed(real, "web", "-o", "cat");
  expect(all).toMatchObject({ kind: "exited", code: 0, stderr: "" });
  expect(lines(all.stdout)).toEqual((await fleet.journal("mosaic-agent")).map((line) => line.trimEnd()));
  expect(lines((await typed(real, "web", "-o", "cat", "-n", "1")).stdout)).toEqual(lines(all.stdout).slice(-1));
  expect((await typed(real, "web", "-n", "1")).stdout).toMatch(
    /^\w{3} \d\d \d\d:\d\d:\d\d \S+ mosaic-agent\[\d+\]: web: /,
  );
  const [entry = ""] = lines((await typed(real, "web", "-n", "1", "-o", "json")).stdout);
  expect(JSON.parse(entry)).toMatchObject({ SYSLOG_IDENTIFIER: "mosaic-agent" });
});

test("from a time on: how long ago, or as journalctl takes it; what is no time is said", async () => {
  expect(lines((await typed(real, "web", "-o", "cat", "--since", "10m")).stdout).length).toBeGreaterThan(1);
  const none = await typed(real, "web", "--since", "2099-01-01");
  expect(none).toMatchObject({ kind: "exited", code: 0, stdout: "" });
  expect(none.stderr).toBe("The journal has nothing of web, or not since 2099-01-01.\n");
  const wrong = await typed(real, "web", "--since", "whenever");
  expect(wrong).toMatchObject({ kind: "exited", code: 64, stdout: "" });
  expect(wrong.stderr).toContain("--since whenever is no time");
});

test("a key of the agent's does not stand in it", async () => {
  const { host } = fleet;
  const said = "web: it says open-sesame-4711";
  await host.exec(["sh", "-c", `systemd-run --user --wait -q -p SyslogIdentifier=mosaic-agent echo '${said}'`]);
  await fleet.wait("it is said", async () => (await fleet.journal("mosaic-agent")).includes(said));
  const { stdout } = await typed(real, "web", "-o", "cat");
  expect(stdout).toContain("web: it says [redacted]\n");
  expect(stdout).not.toContain("open-sesame");
});

test("-f goes on with what comes, ends at Ctrl-C, and when nobody reads any more", async () => {
  const env = { ...fleet.host.env, PATH: `${real}:${fleet.host.env.PATH}` };
  const child = Bun.spawn([binary, "agent", "logs", "web", "-f", "-n", "0", "-o", "cat"], { env, stdout: "pipe" });
  const reader = child.stdout.getReader();
  await fleet.systemctl("start", "mosaic-agent@web");
  const { value } = await reader.read();
  expect(new TextDecoder().decode(value)).toStartWith("web: exited with status 3\n");
  child.kill("SIGINT");
  expect(await child.exited).toBe(130);
  // It crashes again and again: a line for head, and one that nobody reads.
  const script = `"$0" agent logs web -f -n 0 -o cat | head -n 1`;
  const piped = await fleet.host.exec(["sh", "-c", script, binary], { env, timeoutMs: 15_000 });
  expect(piped).toMatchObject({ kind: "exited", code: 0, stdout: "web: exited with status 3\n", stderr: "" });
  await fleet.systemctl("stop", "mosaic-agent@web");
});

test("without a journal, and of an agent that nobody knows: what to type", async () => {
  for (const words of [["web"], ["web", "-f"]]) {
    const result = await typed(empty, ...words);
    expect(result).toMatchObject({ kind: "exited", code: 69, stdout: "" });
    expect(result.stderr).toContain("systemctl --user status mosaic-agent@web");
  }
  const unknown = await typed(real, "wep", "--since", "2099-01-01");
  expect(unknown).toMatchObject({ kind: "exited", code: 64, stdout: "" });
  expect(unknown.stderr).toContain("did you mean web?");
});
