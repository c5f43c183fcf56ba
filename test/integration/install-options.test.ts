import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { disk } from "../../src/adapters/disk.ts";
import { files, filesOn } from "../../src/adapters/files.ts";
import { localHost } from "../../src/adapters/local-host.ts";
import type { Host } from "../../src/core/host.ts";
import { pathsOf } from "../../src/core/paths.ts";
import { conflicts } from "../../src/install/action.ts";
import { install } from "../../src/install/install.ts";
import { readReceipt } from "../../src/install/receipt.ts";
import { uninstall } from "../../src/install/uninstall.ts";
import { temporaryFolder } from "../support/build.ts";
import { openFakeBus } from "../support/fake-bus.ts";
import { fakeManager } from "../support/fake-manager.ts";
import { faultyDisk } from "../support/faulty-disk.ts";

const temporary = temporaryFolder();
afterAll(() => temporary[Symbol.dispose]());

let base: Host;
beforeAll(() => {
  base = localHost();
});

const LINGER = "/var/lib/systemd/linger";

/** A machine whose lingering is a variable here: the real one's is not ours to change. */
interface Machine {
  readonly host: Host;
  lingers: boolean;
  /** When logind was last asked to have it so, in milliseconds since 1970. */
  since: number;
  /** What loginctl was told. */
  readonly told: string[];
  refuses: boolean;
}

let machine: Machine;
beforeEach(() => {
  const home = mkdtempSync(join(temporary.path, "home-"));
  const env = { PATH: process.env.PATH, DBUS_SYSTEM_BUS_ADDRESS: "unix:path=/nonexistent/bus" };
  const user = { ...base.user, home };
  const manager = fakeManager({ env, user, exec: base.exec });
  const status: Host["files"]["status"] = async (path) => {
    if (!path.startsWith(LINGER)) return files.status(path);
    const there = path === LINGER || machine.lingers;
    return there
      ? { kind: "file", mode: 0o644, uid: 0, gid: 0, size: 0, modified: machine.since, changed: 0 }
      : undefined;
  };
  const exec: Host["exec"] = async (argv, options) => {
    if (argv[0] !== "loginctl") return manager.exec(argv, options);
    machine.told.push(argv[1] ?? "");
    if (machine.refuses) return { argv, stdout: "", stderr: "Access denied", kind: "exited", code: 0 };
    machine.lingers = argv[1] === "enable-linger";
    return { argv, stdout: "", stderr: "", kind: "exited", code: 0 };
  };
  machine = {
    host: { ...base, env, user, exec, files: { ...files, status } },
    lingers: false,
    since: 0,
    told: [],
    refuses: false,
  };
});

const lay = (more: object = {}) => install(machine.host, { version: "1", ...more });
const recorded = async () => {
  const receipt = await readReceipt(machine.host, pathsOf(machine.host).receipt);
  return typeof receipt === "object" ? receipt.linger : undefined;
};

describe("--linger", () => {
  test("turns lingering on, once, and uninstall turns it off", async () => {
    await lay({ linger: true });
    await lay({ linger: true });
    await lay();
    expect([machine.lingers, await recorded()]).toEqual([true, true]);
    await uninstall(machine.host, {});
    expect(machine.lingers).toBe(false);
    expect(machine.told).toEqual(["enable-linger", "disable-linger"]);
  });

  test("is asked of logind itself where it is there; loginctl, where that refuses", async () => {
    for (const obedient of [true, false]) {
      const obeys = (member: string, [, on]: readonly unknown[]) => {
        if (member !== "SetUserLinger" || !obedient) return false;
        machine.lingers = on === true;
        return true;
      };
      const bus = await openFakeBus({ "org.freedesktop.login1": { "/org/freedesktop/login1": {} } }, { obeys });
      const host = { ...machine.host, env: { ...machine.host.env, DBUS_SYSTEM_BUS_ADDRESS: bus.address } };
      await install(host, { version: "1", linger: true });
      expect(machine.lingers).toBe(true);
      await uninstall(host, {});
      expect(machine.lingers).toBe(false);
      const asked = bus.calls.map(({ what }) => what).filter((what) => what.includes("SetUserLinger"));
      const { uid } = host.user;
      expect(asked).toEqual([true, false].map((on) => `org.freedesktop.login1 SetUserLinger ${uid} ${on} false`));
      expect(machine.told).toEqual(obedient ? [] : ["enable-linger", "disable-linger"]);
      await bus.close();
    }
  });

  test("that the user had turned on stays on", async () => {
    machine.lingers = true;
    await lay({ linger: true });
    await uninstall(machine.host, {});
    expect(machine.told).toEqual([]);
  });

  test("that the user turned off and on again since is the user's", async () => {
    await lay({ linger: true });
    machine.lingers = false;
    await lay({ now: false, restore: true, enable: false });
    await install(machine.host, { version: "2" });
    expect(await recorded()).toBe(false);
    machine.lingers = true;
    await uninstall(machine.host, {});
    expect(machine.lingers).toBe(true);
  });

  test("that the user turned off and on again, with no run of ours between, is the user's, too", async () => {
    await lay({ linger: true });
    machine.since = Date.now() + 60_000; // after the receipt
    await uninstall(machine.host, {});
    expect(machine.told).toEqual(["enable-linger"]);
  });

  test("is in the receipt from just before it is turned on until just after it is turned off, and no longer", async () => {
    const seen: unknown[] = [];
    const { exec, files: real } = machine.host;
    const watched = {
      ...machine.host,
      exec: async (argv: readonly string[], options?: Parameters<Host["exec"]>[1]) => {
        if (["daemon-reload", "enable-linger", "disable-linger"].includes(argv.at(-1) ?? ""))
          seen.push([argv.at(-1), await recorded()]);
        return exec(argv, options);
      },
      files: {
        ...real,
        removeFile: async (path: string) => {
          if (path.endsWith("tmux.conf")) seen.push(["first file", await recorded()]);
          return real.removeFile(path);
        },
      },
    };
    await install(watched, { version: "1", linger: true });
    await uninstall(watched, {});
    expect(seen).toEqual([
      ["daemon-reload", false],
      ["enable-linger", true],
      ["disable-linger", true],
      ["first file", false],
      ["daemon-reload", false],
    ]);
  });

  test("is in the receipt once it is on, whatever a power loss takes of what was not synced", async () => {
    const lingering = (host: Host) => install(host, { version: "1", linger: true });
    const counting = faultyDisk(disk, "power", Number.POSITIVE_INFINITY);
    const on = (faulty: typeof counting) => ({
      ...machine.host,
      files: { ...filesOn(faulty), status: machine.host.files.status },
    });
    await lingering(on(counting));
    await uninstall(machine.host, {});
    let lit = 0;
    for (let at = 0; at < counting.calls(); at++) {
      const faulty = faultyDisk(disk, "power", at);
      await Promise.race([lingering(on(faulty)), faulty.gone]);
      faulty.lose(() => true);
      if (machine.lingers) lit++;
      if (machine.lingers) expect([at, await recorded()]).toEqual([at, true]);
      await files.removeTree(machine.host.user.home);
      await files.makeFolder(machine.host.user.home);
      machine.lingers = false;
    }
    expect(lit).toBeGreaterThan(5);
  });

  test("is undone if and only if install did it, wherever it was killed, and the user did it then", async () => {
    const lingering = (host: Host) => install(host, { version: "1", linger: true });
    const counting = faultyDisk(disk, "kill", Number.POSITIVE_INFINITY);
    await lingering({ ...machine.host, files: { ...filesOn(counting), status: machine.host.files.status } });
    await uninstall(machine.host, {});
    const seen = { done: 0, not: 0, "about to": 0 };
    for (let at = 0; at < counting.calls(); at++) {
      const faulty = faultyDisk(disk, "kill", at);
      const killed = { ...machine.host, files: { ...filesOn(faulty), status: machine.host.files.status } };
      await Promise.race([lingering(killed), faulty.gone]);
      await files.removeFile(join(pathsOf(machine.host).state, "install.lock")); // this process lives
      const state = machine.lingers ? "done" : (await recorded()) === true ? "about to" : "not";
      seen[state]++;
      machine.lingers = true;
      await uninstall(machine.host, {});
      // Killed between writing it down and doing it, nobody can tell.
      if (state !== "about to") expect([at, machine.lingers]).toEqual([at, state === "not"]);
      machine.lingers = false;
    }
    expect(seen.done).toBeGreaterThan(5);
    expect(seen.not).toBeGreaterThan(50);
    expect(seen["about to"]).toBe(1);
  });

  test("that is refused, whatever the exit code says, is said, and nothing is left installed", async () => {
    machine.refuses = true;
    await expect(lay({ linger: true })).rejects.toMatchObject({
      exit: 69,
      next: [`sudo loginctl enable-linger ${machine.host.user.name}`],
    });
    expect(await files.list(machine.host.user.home)).toEqual([]);
  });
});

test("a file of ours that cannot be read is in the way, and no defect; uninstall leaves it", async () => {
  await lay();
  const readBytes: Host["files"]["readBytes"] = async (path) => {
    if (path.endsWith("tmux.conf")) throw Object.assign(new Error("EACCES"), { code: "EACCES" });
    return files.readBytes(path);
  };
  const host = { ...machine.host, files: { ...machine.host.files, readBytes } };
  const { plan, applied } = await install(host, { version: "2" });
  expect(applied).toBe(false);
  const why = "a file is here that cannot be read";
  expect(conflicts(plan)).toMatchObject([{ why, next: expect.stringMatching(/^mv .*tmux\.conf /) }]);
  await uninstall(host, {});
  expect(await files.list(pathsOf(host).tools)).toEqual(["tmux.conf"]);
});

test("an install that is interrupted takes back what it has done: 130", async () => {
  const interrupt = new AbortController();
  const prepare: Host["files"]["prepare"] = (...file) => {
    const prepared = files.prepare(...file);
    const place = () => prepared.place().then(() => interrupt.abort());
    return { ...prepared, place };
  };
  const host = { ...machine.host, interrupted: interrupt.signal, files: { ...machine.host.files, prepare } };
  await expect(install(host, { version: "1" })).rejects.toMatchObject({
    exit: 130,
    why: "it was interrupted. What had been done was taken back",
  });
  expect(await files.list(host.user.home)).toEqual([]);
});
