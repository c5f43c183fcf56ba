import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { agentUnit } from "../../src/core/names.ts";
import { stopAgents } from "../../src/fleet/lifecycle.ts";
import { HOLDER_UNIT, openFleet, type TestFleet } from "../support/fleet.ts";

// Many agents at once, on a real user manager and a real tmux server: docs/supervision.md, "A crowd".

let fleet: TestFleet;
const calls = () => join(fleet.root, "tmux-calls");
beforeAll(async () => {
  fleet = await openFleet();
  // A tmux that counts its calls, for the agents' starts.
  const bin = join(fleet.root, "counting");
  await fleet.host.files.makeFolder(bin);
  const script = `#!/bin/sh\necho "$$" >>${calls()}\nexec /usr/bin/tmux "$@"\n`;
  await fleet.host.files.writeAtomic(join(bin, "tmux"), script, 0o755);
  const settings = `MOSAIC_AGENT_COMMAND=sleep infinity\nMOSAIC_PATH=${bin}\n`;
  await fleet.host.files.writeAtomic(join(fleet.paths.site, "fleet.env"), settings, 0o600);
  await fleet.systemctl("start", HOLDER_UNIT);
});
afterAll(() => fleet.close());

const names = (count: number) => Array.from({ length: count }, (_, index) => `herd-${index + 1}`);
const units = (count: number) => names(count).map(agentUnit);

/** Waits until each of so many agents is active, with one live pane, whose process is in the agent's unit. */
async function allUp(count: number): Promise<Map<string, number>> {
  return fleet.wait(
    `${count} agents are up`,
    async () => {
      const pids = new Map<string, number>();
      for (const { session, pid, dead } of await fleet.tmux.panes()) if (!dead) pids.set(session, pid);
      if (pids.size !== count) return undefined;
      for (const [name, pid] of pids)
        if (!(await fleet.procfs.cgroup(pid))?.endsWith(`/${agentUnit(name)}`)) return undefined;
      const active = (await fleet.systemd.list("mosaic-agent@*")).filter((unit) => unit.active === "active");
      return active.length === count && pids;
    },
    60_000,
  );
}

test("300 agents are started by fewer tmux clients than agents, and are all back after kill -9 of the server", async () => {
  expect(await fleet.systemctl("start", ...units(300))).toMatchObject({ kind: "exited", code: 0 });
  const before = await allUp(300);
  expect((await fleet.host.files.read(calls()))?.trim().split("\n").length).toBeLessThan(300);
  fleet.host.kill((await fleet.tmux.server())?.pid ?? 0, "SIGKILL");
  const after = await fleet.wait(
    "300 new processes",
    async () => {
      const pids = await allUp(300);
      return [...pids].every(([name, pid]) => before.get(name) !== pid) && pids;
    },
    60_000,
  );
  expect(after.size).toBe(300);
  await fleet.systemctl("stop", ...units(300));
  expect(await fleet.tmux.panes()).toEqual([]);
});

test("a session that another agent's start has made has the agent's own folder, whatever that is called", async () => {
  const folders = new Map<string, string>();
  for (const [index, name] of names(40).entries()) {
    const odd = ["plain", "two words", "#{pid}", "##[x", "semi;", "dollar$HOME", "%H", "-t"][index % 8] ?? "";
    const folder = join(fleet.root, `folder-${index}`, odd);
    await fleet.host.files.makeFolder(folder);
    await fleet.agent(name, { MOSAIC_AGENT_WORKDIR: `"${folder.replaceAll("$", "\\$")}"` });
    folders.set(name, folder);
  }
  await fleet.systemctl("start", ...units(40));
  await allUp(40);
  const format = "#{session_name} #{session_path} #{pane_current_path}";
  const listed = await fleet.tmuxCommand("list-panes", "-a", "-F", format);
  const seen = listed.stdout.trim().split("\n").sort();
  expect(seen).toEqual([...folders].map(([name, folder]) => `${name} ${folder} ${folder}`).sort());
  await fleet.systemctl("stop", ...units(40));
});

test("a herd that is stopped while it starts leaves nothing that runs, whenever the stop comes; agent stop leaves no session", async () => {
  for (const moment of [0, 50, 100, 200, 300]) {
    await fleet.systemctl("start", "--no-block", ...units(40));
    await fleet.host.pause(moment); // spreads the stop over the whole of the starting: not a wait for anything
    await fleet.systemctl("stop", ...units(40));
    const states = (await fleet.systemd.list("mosaic-agent@*")).filter((unit) => unit.active !== "inactive");
    // A start that was done, without systemd's having seen it, is stopped without our script: its session stays, dead.
    const live = (await fleet.tmux.panes()).filter(({ dead }) => !dead);
    expect({ moment, states, live }).toEqual({ moment, states: [], live: [] });
    await stopAgents(fleet.host, names(40));
    expect(await fleet.tmux.panes()).toEqual([]);
    await fleet.systemctl("reset-failed");
  }
});
