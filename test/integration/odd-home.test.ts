import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { binary } from "../support/build.ts";
import { openFleet, type TestFleet } from "../support/fleet.ts";

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
