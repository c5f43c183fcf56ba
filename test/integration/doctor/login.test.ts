import { afterAll, beforeAll, expect, test } from "bun:test";
import type { FileStatus, Host } from "../../../src/core/host.ts";
import { examine, green, red } from "../../support/doctor.ts";
import { openFakeBus } from "../../support/fake-bus.ts";
import { openFleet, type TestFleet } from "../../support/fleet.ts";

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await openFleet();
});
afterAll(() => fleet.close());

const MARKS = "/var/lib/systemd/linger";
const there: FileStatus = { kind: "folder", mode: 0o755, uid: 0, gid: 0, size: 0, modified: 0, changed: 0 };

/** The sandbox on a machine that has these paths, or has them not: faked, for what only a booted machine has. */
function withPaths(paths: Readonly<Record<string, boolean>>, env: Record<string, string> = {}): Host {
  const { files } = fleet.host;
  const status: Host["files"]["status"] = async (path) =>
    path in paths ? (paths[path] ? there : undefined) : files.status(path);
  return {
    ...fleet.host,
    env: { ...fleet.host.env, DBUS_SYSTEM_BUS_ADDRESS: "unix:path=/nonexistent/bus", ...env },
    files: { ...files, status },
  };
}
const unbooted = { "/run/systemd/system": false, [MARKS]: false };
const booted = { "/run/systemd/system": true, [MARKS]: false };
const mark = () => `${MARKS}/${fleet.host.user.name}`;

/** A fake logind that says this of the user and of sessions that end. */
async function withLogind<T>(
  said: { linger?: boolean; kill?: boolean; only?: string[]; exclude?: string[] },
  body: (host: Host) => Promise<T>,
): Promise<T> {
  const name = "org.freedesktop.login1";
  const bus = await openFakeBus({
    [name]: {
      "/org/freedesktop/login1": {
        [`${name}.Manager`]: {
          KillUserProcesses: said.kill ?? false,
          KillOnlyUsers: said.only ?? [],
          KillExcludeUsers: said.exclude ?? [],
        },
      },
      ...(said.linger === undefined
        ? {}
        : { [`/org/freedesktop/login1/user/_${fleet.host.user.uid}`]: { [`${name}.User`]: { Linger: said.linger } } }),
    },
  });
  try {
    const result = await body(withPaths(booted, { DBUS_SYSTEM_BUS_ADDRESS: bus.address }));
    expect(bus.calls.every(({ noAutoStart }) => noAutoStart)).toBe(true);
    return result;
  } finally {
    await bus.close();
  }
}

green("login.linger", "where logind says so (fake logind)", () =>
  withLogind({ linger: true }, (host) => examine(host, "login.linger")),
);
green("login.linger", "where there is logind's mark and no bus (fake mark)", () =>
  examine(withPaths({ ...unbooted, [mark()]: true }), "login.linger"),
);
red(
  "login.linger",
  "that logind says no (fake logind)",
  { status: "warn", message: /^lingering is off: .* every agent with it/, fix: /^sudo loginctl enable-linger / },
  () => withLogind({ linger: false }, (host) => examine(host, "login.linger")),
);
red(
  "login.linger",
  "a user whom logind does not know, without a mark (fake logind)",
  { status: "warn", message: /ends when the last session logs out/, fix: /^loginctl enable-linger$/ },
  () => withLogind({}, (host) => examine(host, "login.linger")),
);
red(
  "login.linger",
  "that there are marks, and this user's is not among them (fake marks); it counts the agents that would end",
  { status: "warn", message: /all 2 running agents with it/, fix: /^loginctl enable-linger$/ },
  async () => {
    const names = ["one", "two"];
    for (const name of names) await fleet.agent(name, { MOSAIC_AGENT_COMMAND: "sleep infinity" });
    await fleet.systemctl("start", ...names.map((name) => `mosaic-agent@${name}`));
    const report = await examine(withPaths({ ...unbooted, [MARKS]: true, [mark()]: false }), "login.linger");
    expect(report.fix.automatic).toBe(true);
    await fleet.systemctl("stop", ...names.map((name) => `mosaic-agent@${name}`));
    return report;
  },
);

test("login.linger is skipped where there is no logind (fake: the machine was not booted with systemd)", async () => {
  expect(await examine(withPaths(unbooted), "login.linger")).toMatchObject({
    status: "skip",
    message: "no logind runs here, so no logout ends the user manager",
  });
});

test("login.linger is unknown where nothing tells, never a pass (fake: booted, no bus, no marks)", async () => {
  expect(await examine(withPaths(booted), "login.linger")).toMatchObject({
    status: "unknown",
    message: "could not tell: neither logind nor its marks say whether lingering is enabled",
  });
});

green("login.kill-user-processes", "where logind leaves them alone (fake logind)", () =>
  withLogind({}, (host) => examine(host, "login.kill-user-processes")),
);
green("login.kill-user-processes", "where logind kills, but not this user's (fake logind)", () =>
  withLogind({ kill: true, exclude: [fleet.host.user.name] }, (host) => examine(host, "login.kill-user-processes")),
);
green("login.kill-user-processes", "where logind kills only other users' (fake logind)", () =>
  withLogind({ kill: true, only: ["guest"] }, (host) => examine(host, "login.kill-user-processes")),
);
red(
  "login.kill-user-processes",
  "a logind that kills at logout (fake logind)",
  { status: "warn", message: /tmux servers and agents outside/, fix: /^sudo sh -c 'mkdir -p .*KillUserProcesses=no/ },
  () => withLogind({ kill: true }, (host) => examine(host, "login.kill-user-processes")),
);
red(
  "login.kill-user-processes",
  "a logind that kills only this user's, although KillUserProcesses is off (fake logind)",
  { status: "warn", message: /logind kills what/, fix: /^sudo sh -c 'mkdir .* 'KillExcludeUsers=guest root'$/ },
  () =>
    withLogind({ only: [fleet.host.user.name], exclude: ["guest"] }, (host) =>
      examine(host, "login.kill-user-processes"),
    ),
);

test("login.kill-user-processes is skipped without a system bus or a logind on it, and unknown where it was booted (fakes)", async () => {
  expect(await examine(withPaths(unbooted), "login.kill-user-processes")).toMatchObject({ status: "skip" });
  expect(await examine(withPaths(booted), "login.kill-user-processes")).toMatchObject({ status: "unknown" });
  const bus = await openFakeBus({});
  const host = withPaths(booted, { DBUS_SYSTEM_BUS_ADDRESS: bus.address });
  expect(await examine(host, "login.kill-user-processes")).toMatchObject({
    status: "skip",
    message: "logind does not run",
  });
  await bus.close();
});
