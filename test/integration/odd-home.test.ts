import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { checks } from "../../src/doctor/registry.ts";
import { runDoctor } from "../../src/doctor/run.ts";
import { binary } from "../support/build.ts";
import { openFleet, type TestFleet } from "../support/fleet.ts";
import { notPastable } from "../support/pasted.ts";

// A home folder may be called anything: to systemd, to sh and to tmux its name is a name.

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await openFleet("ho me %h 'q' \"d\" `touch pwned` $(touch pwned) #{pid} é");
});
afterAll(() => fleet.close());

test("an agent there starts, is brought back with nothing of it left, and runs nothing that the folder's name says", async () => {
  await fleet.agent("odd", {
    MOSAIC_AGENT_COMMAND: "sh -c 'setsid sleep 54330 & exec sleep infinity'",
    MOSAIC_AGENT_WORKDIR: "~/",
  });
  expect(await fleet.systemctl("start", "mosaic-agent@odd")).toMatchObject({ kind: "exited", code: 0 });
  const before = await fleet.up("odd");
  expect(await fleet.procfs.workingFolder(before.pid)).toBe(fleet.host.user.home);
  fleet.host.kill(before.pid, "SIGKILL");
  await fleet.wait("another process", async () => (await fleet.up("odd")).pid !== before.pid);
  expect(await fleet.systemctl("stop", "mosaic-agent@odd")).toMatchObject({ kind: "exited", code: 0 });
  expect((await fleet.unit("odd")).active).toBe("inactive");
  const found = await fleet.host.exec(["find", fleet.root, "-name", "pwned"]);
  expect(found.stdout).toBe("");
  expect(await fleet.host.files.status(join(process.cwd(), "pwned"))).toBeUndefined();
});

test("an agent is given a folder there, by its whole path or from ~ on", async () => {
  const { home } = fleet.host.user;
  await fleet.host.files.makeFolder(join(home, "w"));
  for (const [name, workdir] of [
    ["whole", join(home, "w")],
    ["short", "~/w"],
  ] as const) {
    const words = ["agent", "add", name, "--command", "sleep infinity", "--workdir", workdir, "--start"];
    expect(await fleet.host.exec([binary, ...words])).toMatchObject({ kind: "exited", code: 0 });
    expect(await fleet.procfs.workingFolder((await fleet.up(name)).pid)).toBe(join(home, "w"));
  }
});

test("what doctor says of a fleet there with all kinds of faults can be pasted", async () => {
  const { host, paths } = fleet;
  const write = (path: string, text: string, mode = 0o644) => host.files.writeAtomic(path, text, mode);
  await write(
    join(paths.agents, "keys.env"),
    "API_KEY=sk-0123456789abcdef0123\r\nexport A=b\nMOSAIC_AGENT_WORKDIR=$HOME/x\n",
  );
  await write(
    join(paths.agents, "gone.env"),
    "MOSAIC_AGENT_WORKDIR=~/no where\nMOSAIC_AGENT_COMMAND=no-such-program\n",
  );
  await write(join(paths.agents, "b ad.env"), "MOSAIC_PATH=rel ative:/x\n");
  await write(join(paths.site, "tmux.local.conf"), "kill-server\n");
  await write(join(paths.tools, "agent-pane.sh"), "# mine\n", 0o777);
  await write(join(paths.tools, "tmux.conf.mosaic-new"), "# new\n");
  await host.files.removeFile(join(paths.tools, "stop-agent-session.sh"));
  await host.files.makeFolder(join(paths.agents, "folder.env"));
  await host.files.makeFolder(join(paths.units, "mosaic-agent@keys.service.d"));
  await write(join(paths.units, "mosaic-agent@keys.service.d/x.conf"), "[Service]\nOOMPolicy=stop\nBogus=1\n", 0o666);
  await fleet.dropIn("mosaic-tmux-holder.service", "[Service]\nOOMPolicy=stop\n");
  const { report } = await runDoctor(host, checks, { version: "0.0.0-test" });
  expect(report.checks.filter(({ status }) => status === "fail" || status === "warn").length).toBeGreaterThan(12);
  for (const root of [true, false]) expect(notPastable(report, root)).toEqual([]);
  const other = { ...host, user: { ...host.user, uid: 1234 } };
  expect(notPastable((await runDoctor(other, checks, { version: "0.0.0-test" })).report, false)).toEqual([]);
});
