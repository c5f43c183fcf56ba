import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { MessageType, serializeMessage } from "d-bus-message-protocol";
import {
  arrayType,
  BufferWriter,
  marshal,
  stringType,
  structType,
  uint8Type,
  uint32Type,
  variantType,
} from "d-bus-type-system";
import { type Bus, BusError, openBus, openSystemBus, pathOf } from "../../src/adapters/bus.ts";
import { localHost } from "../../src/adapters/local-host.ts";
import { managerOn, openUserManager } from "../../src/adapters/manager.ts";
import { systemdOf } from "../../src/adapters/systemd.ts";
import { openSandbox, type Sandbox } from "../../src/canary/sandbox.ts";
import type { Host } from "../../src/core/host.ts";
import { until } from "../../src/core/until.ts";
import { temporaryFolder } from "../support/build.ts";
import { openFakeBus } from "../support/fake-bus.ts";

const MANAGER = "/org/freedesktop/systemd1";
const INTERFACE = "org.freedesktop.systemd1.Manager";
const uid = process.getuid?.() ?? 0;

let sandbox: Sandbox;
let socket: string;
beforeAll(async () => {
  sandbox = await openSandbox(localHost());
  socket = join(sandbox.host.env.XDG_RUNTIME_DIR ?? "", "systemd/private");
});
afterAll(async () => {
  expect(await sandbox.close()).toEqual([]);
});

async function using<T>(opened: Promise<Bus>, body: (bus: Bus) => Promise<T>): Promise<T> {
  const bus = await opened;
  try {
    return await body(bus);
  } finally {
    bus.close();
  }
}

/** The error that it ends with, as a BusError. */
async function refusal(attempt: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error = await attempt.then(
    (value) => ({ code: "none", message: `it gave ${JSON.stringify(value)}` }),
    (thrown) => thrown,
  );
  if (!(error instanceof BusError)) throw error instanceof Error ? error : new Error(JSON.stringify(error));
  return { code: error.code, message: error.message };
}

describe("with a real user manager, at its private socket", () => {
  test("properties, calls and refusals, all at once, are each answered", () =>
    using(openBus(socket, uid), async (bus) => {
      const version = (await systemdOf(sandbox.host).managerVersion()).stdout.trim();
      const many = Array.from({ length: 300 }, () => bus.property(MANAGER, INTERFACE, "Version"));
      const refused = refusal(bus.call(MANAGER, `${INTERFACE}.GetUnit`, "no-such.service"));
      const [units] = await bus.call(MANAGER, `${INTERFACE}.ListUnitsByPatterns`, [], ["*.target"]);
      expect(new Set(await Promise.all(many))).toEqual(new Set([version]));
      expect(await refused).toMatchObject({ code: "org.freedesktop.systemd1.NoSuchUnit" });
      expect(JSON.stringify(units)).toContain('"default.target"');
    }));

  test("changes of agents' units are told, by the agent, and nobody else's", async () => {
    const { host } = sandbox;
    const manager = await openUserManager(host);
    const told: string[] = [];
    await manager.onChange((name) => told.push(name));
    for (const unit of ["mosaic-agent@a-1.service", "mosaic-agent@b_2.service", "other@c.service"])
      await host.exec(["systemd-run", "--user", "--wait", "-q", `--unit=${unit}`, "true"]);
    await until(host, 5_000, async () => (told.includes("b_2") ? true : undefined));
    expect([...new Set(told)].sort()).toEqual(["a-1", "b_2"]);
    manager.close();
  });

  test("what cannot be sent is refused at once, and leaves the connection as it was", () =>
    using(openBus(socket, uid), async (bus) => {
      await expect(bus.property("no path", INTERFACE, "Version")).rejects.toThrow();
      expect(await bus.property(MANAGER, INTERFACE, "SystemState")).toBeString();
    }));

  test("after close() a call is refused, and one that waits is too", async () => {
    const bus = await openBus(socket, uid);
    const waiting = refusal(bus.property(MANAGER, INTERFACE, "Version"));
    bus.close();
    expect(await waiting).toMatchObject({ code: "ECONNABORTED" });
    expect(await refusal(bus.property(MANAGER, INTERFACE, "Version"))).toMatchObject({ code: "ECONNABORTED" });
  });

  test("a user whom the manager does not know by that number is not let in", async () => {
    expect(await refusal(openBus(socket, uid + 1))).toMatchObject({ code: "EACCES" });
  });

  test("openUserManager() finds it there, and on the message bus where the private socket is gone", async () => {
    const version = (await systemdOf(sandbox.host).managerVersion()).stdout.trim();
    const direct = await openUserManager(sandbox.host);
    expect(await direct.state()).toMatchObject({ version, state: expect.any(String) });
    direct.close();
    // The bus starts at its first client, and the manager joins it only then.
    const joined = await sandbox.host.exec([
      "busctl",
      "--user",
      "get-property",
      "org.freedesktop.systemd1",
      MANAGER,
      INTERFACE,
      "Version",
    ]);
    expect(joined).toMatchObject({ code: 0 });
    const { files } = sandbox.host;
    const hidden = temporaryFolder();
    try {
      const env = {
        XDG_RUNTIME_DIR: hidden.path,
        DBUS_SESSION_BUS_ADDRESS: `unix:path=${sandbox.host.env.XDG_RUNTIME_DIR}/bus`,
      };
      const over = await openUserManager({ env, user: sandbox.host.user, files });
      expect(await over.state()).toMatchObject({ version });
      over.close();
    } finally {
      hidden[Symbol.dispose]();
    }
  });

  test("one property of a unit of any kind, by its name, however that is spelt", async () => {
    const manager = await openUserManager(sandbox.host);
    expect(await manager.property("app.slice", "ManagedOOMSwap")).toBe("auto");
    expect(await manager.property("-.slice", "ActiveState")).toBe("active");
    expect(await manager.property("0-no_such@a\\x2db:c.service", "LoadState")).toBe("not-found");
    manager.close();
  });
});

test("no runtime folder: nothing is connected to, least of all in the folder one happens to be in", async () => {
  const { user, files } = sandbox.host;
  for (const XDG_RUNTIME_DIR of [undefined, "", "run"])
    expect(await refusal(openUserManager({ env: { XDG_RUNTIME_DIR }, user, files }))).toMatchObject({
      code: "ENOMEDIUM",
    });
});

test("another user's socket is not spoken to, as systemctl does it (fake owner)", async () => {
  const { user, env, files } = sandbox.host;
  const status: Host["files"]["status"] = async (path) => {
    const seen = await files.status(path);
    return seen && { ...seen, uid: 12345 };
  };
  const foreign = { ...files, status };
  expect(await refusal(openUserManager({ env, user, files: foreign }))).toMatchObject({ code: "EPERM" });
});

test("addresses of a bus", () => {
  expect(pathOf("unix:path=/run/user/1000/bus,guid=12")).toBe("/run/user/1000/bus");
  expect(pathOf("tcp:host=x;unix:guid=1,path=/a%20b")).toBe("/a b");
  for (const other of [undefined, "", "unix:abstract=/tmp/dbus-x", "autolaunch:", "unix:path=%zz"])
    expect(pathOf(other)).toBeUndefined();
});

const OK = "OK 0123456789abcdef0123456789abcdef\r\n";

/** A peer that does this to everyone who connects, in place of a manager: what came is handed on in pieces. */
async function withPeer<T>(
  meet: (client: Socket, heard: (what: string) => Promise<Buffer>) => void | Promise<void>,
  body: (path: string) => Promise<T>,
): Promise<T> {
  const folder = temporaryFolder();
  const path = join(folder.path, "peer");
  const closed: Promise<unknown>[] = [];
  const server = createServer({ allowHalfOpen: true }, (client) => {
    // Ended by the other side, or the test never ends.
    closed.push(new Promise((resolve) => client.on("end", resolve).on("error", resolve)).then(() => client.destroy()));
    let had: Buffer = Buffer.alloc(0);
    const looking = new Set<() => void>();
    client.on("data", (chunk: Buffer) => {
      had = Buffer.concat([had, chunk]);
      for (const look of looking) look();
    });
    const heard = (what: string) =>
      new Promise<Buffer>((resolve) => {
        const look = () => {
          if (had.includes(what)) resolve(had);
        };
        looking.add(look);
        look();
      });
    void meet(client, heard);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  try {
    return await body(path);
  } finally {
    await Promise.all(closed);
    await new Promise((resolve) => server.close(resolve));
    folder[Symbol.dispose]();
  }
}

const answerTo = (replySerial: number, text: string) =>
  Buffer.from(
    serializeMessage({
      messageType: MessageType.MethodReturn,
      serial: 9,
      replySerial,
      types: [variantType],
      args: [[stringType, text]],
    }),
  );

/** The same in the other byte order, which the library does not write. */
function bigEndianAnswer(replySerial: number, text: string): Buffer {
  const body = new BufferWriter();
  marshal(body, variantType, [stringType, text]);
  const writer = new BufferWriter();
  const header = structType(
    uint8Type,
    uint8Type,
    uint8Type,
    uint8Type,
    uint32Type,
    uint32Type,
    arrayType(structType(uint8Type, variantType)),
  );
  marshal(writer, header, [
    "B".charCodeAt(0),
    2,
    0,
    1,
    body.buffer.byteLength,
    9,
    [
      [5, [uint32Type, replySerial]],
      [8, [{ ...stringType, typeCode: "g", bytePadding: 1 }, "v"]],
    ],
  ]);
  writer.align(8).writeBytes(body.buffer);
  return Buffer.from(writer.buffer);
}

describe("with a peer that is none (fake)", () => {
  const ask = (bus: Bus) => bus.property(MANAGER, INTERFACE, "Version");

  for (const [what, code, meet] of [
    ["never says a word", "ETIMEDOUT", () => undefined],
    ["speaks another protocol", "EPROTO", (client) => client.write("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["says something without an end", "EPROTO", (client) => client.write("x".repeat(20_000))],
    ["says OK and more on the line", "EPROTO", (client) => client.write("OK \u0000\u001b[2J\r\n")],
    ["lets nobody in", "EACCES", (client) => client.write("REJECTED EXTERNAL\r\n")],
    ["closes at once", "ECONNRESET", (client) => client.end()],
    ["closes in the middle of the handshake", "ECONNRESET", (client) => client.end("OK 01")],
  ] as [string, string, (client: Socket) => unknown][]) {
    test(`that ${what}: ${code}, and no connection is left`, () =>
      withPeer(
        (client) => void meet(client),
        async (path) => {
          const { code: seen, message } = await refusal(openBus(path, uid, undefined, 300));
          expect(seen).toBe(code);
          expect(message).not.toMatch(/\p{Cc}/u);
        },
      ));
  }

  for (const [what, code, sent] of [
    ["never answers a call", "ETIMEDOUT", undefined],
    ["closes in place of an answer", "ECONNRESET", ""],
    ["answers with garbage", "EPROTO", "\xff".repeat(64)],
    ["announces a message of 4 GB", "EPROTO", "l\x02\x00\x01\xff\xff\xff\xff\x01\x00\x00\x00\x00\x00\x00\x00"],
    ["closes in the middle of an answer", "ECONNRESET", "l\x02\x00\x01\x10\x00\x00\x00"],
    [
      "has a body that is not what its signature says",
      "EPROTO",
      answerTo(1, "x").toString("latin1").replace("\x01v", "\x01d"),
    ],
  ] as [string, string, string | undefined][]) {
    test(`that lets us in and ${what}: ${code} for every call, now and later`, () =>
      withPeer(
        async (client, heard) => {
          client.write(OK);
          await heard("Version");
          if (sent !== undefined) client.end(Buffer.from(sent, "latin1"));
        },
        (path) =>
          using(openBus(path, uid, undefined, 300), async (bus) => {
            expect((await Promise.all([refusal(ask(bus)), refusal(ask(bus))])).map((each) => each.code)).toEqual([
              code,
              code,
            ]);
            expect(await refusal(ask(bus))).toMatchObject({ code });
          }),
      ));
  }

  test("answers in any order, in pieces of one byte, after signals and messages of an unknown kind, for other serials too", () => {
    const signal = Buffer.from(
      serializeMessage({
        messageType: MessageType.Signal,
        serial: 3,
        objectPath: "/x",
        interfaceName: "a.b",
        memberName: "C",
      }),
    );
    const unheard = Buffer.from(signal);
    unheard[1] = 77;
    return withPeer(
      async (client, heard) => {
        const bytes = Buffer.concat([
          signal,
          unheard,
          answerTo(99, "nobody's"),
          answerTo(2, "two"),
          bigEndianAnswer(1, "eins"),
        ]);
        client.setNoDelay(true);
        for (const byte of Buffer.from(OK)) client.write(Uint8Array.of(byte));
        await heard("SystemState");
        for (const byte of bytes) {
          client.write(Uint8Array.of(byte));
          await new Promise(setImmediate); // so that each comes by itself
        }
      },
      (path) =>
        using(openBus(path, uid), async (bus) => {
          const both = [bus.property(MANAGER, INTERFACE, "Version"), bus.property(MANAGER, INTERFACE, "SystemState")];
          expect(await Promise.all(both)).toEqual(["eins", "two"]);
        }),
    );
  });

  test("an answer of a megabyte, in many pieces", () => {
    const text = "x".repeat(1_000_000);
    return withPeer(
      async (client, heard) => {
        client.write(OK);
        await heard("Version");
        client.write(answerTo(1, text));
      },
      (path) =>
        using(openBus(path, uid), async (bus) => {
          expect(await ask(bus)).toBe(text);
        }),
    );
  });

  test("a manager that takes connections and then hangs is no manager: ETIMEDOUT, and the bus is not asked", () =>
    withPeer(
      (client) => void client.write(OK),
      async (path) => {
        const runtime = `${path}-run`;
        const { files, user } = sandbox.host;
        await files.makeFolder(join(runtime, "systemd"));
        await sandbox.host.exec(["ln", "-s", path, join(runtime, "systemd/private")]);
        const bus = await openFakeBus({});
        const env = { XDG_RUNTIME_DIR: runtime, DBUS_SESSION_BUS_ADDRESS: bus.address };
        expect(await refusal(openUserManager({ env, user, files }, 300))).toMatchObject({ code: "ETIMEDOUT" });
        expect(bus.calls).toEqual([]);
        await bus.close();
        rmSync(runtime, { recursive: true });
      },
    ));
});

describe("with a message bus that is none (fake)", () => {
  const peers = { "org.example.A": { "/a": { "org.example.I": { P: "p", L: ["x", "y"], B: true } } } };

  test("peers are told apart, nobody is ever started, and one that hangs holds up nobody else", async () => {
    const fake = await openFakeBus(peers, { silent: ["org.example.Hung"] });
    await using(openBus(fake.path, uid, "org.example.A", 300), async (bus) => {
      const hung = bus.to("org.example.Hung");
      const waiting = refusal(hung.property("/a", "org.example.I", "P"));
      expect(await Promise.all(["P", "L", "B"].map((name) => bus.property("/a", "org.example.I", name)))).toEqual([
        "p",
        ["x", "y"],
        true,
      ]);
      expect(await waiting).toMatchObject({ code: "ETIMEDOUT" });
      const before = fake.calls.length;
      expect(await refusal(hung.property("/a", "org.example.I", "P"))).toMatchObject({ code: "ETIMEDOUT" });
      expect(fake.calls.length).toBe(before);
      expect(await bus.property("/a", "org.example.I", "P")).toBe("p");
      expect(await refusal(managerOn(bus.to("org.example.No")).failed())).toMatchObject({
        code: "org.freedesktop.DBus.Error.NameHasNoOwner",
      });
    });
    expect(fake.calls.every(({ noAutoStart }) => noAutoStart)).toBe(true);
    await fake.close();
  });

  test("whose signals are to be told is asked of the bus itself", async () => {
    const fake = await openFakeBus(peers);
    await using(openBus(fake.path, uid, "org.example.A", 300), (bus) => bus.onSignal("type='signal'", () => undefined));
    expect(fake.calls.map(({ what }) => what)).toContain("org.freedesktop.DBus AddMatch type='signal'");
    await fake.close();
  });

  test("a system bus that is not there is undefined; one that does not let us say hello is an error", async () => {
    const { user } = sandbox.host;
    const gone = { DBUS_SYSTEM_BUS_ADDRESS: "unix:path=/nonexistent/bus" };
    expect(await openSystemBus({ env: gone, user })).toBeUndefined();
    await withPeer(
      async (client, heard) => {
        client.write(OK);
        await heard("Hello");
        client.end();
      },
      async (path) => {
        expect(existsSync(path)).toBe(true);
        const env = { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${path}` };
        expect(await refusal(openSystemBus({ env, user }))).toMatchObject({ code: "ECONNRESET" });
      },
    );
  });
});
