import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MessageType, type MethodCallMessage, parseMessage, serializeMessage } from "d-bus-message-protocol";
import {
  arrayType,
  BufferReader,
  booleanType,
  type CompleteType,
  objectPathType,
  stringType,
  variantType,
} from "d-bus-type-system";

type Value = string | boolean | readonly string[];

/** What a fake peer has: its objects, each with interfaces, each with properties. */
export type FakePeer = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, Value>>>>>>;

/** A message bus that is none: it answers Hello, property reads out of a table, and what it obeys, for what this machine has not. */
export interface FakeBus {
  readonly path: string;
  /** What DBUS_SYSTEM_BUS_ADDRESS has to be. */
  readonly address: string;
  /** Calls that came, as "DESTINATION MEMBER ARGUMENTS…", and whether each forbade starting anybody. */
  readonly calls: { readonly what: string; readonly noAutoStart: boolean }[];
  close(): Promise<void>;
}

/**
 * `peers`: by name, such as "org.freedesktop.login1". A call to anybody in `silent` gets no answer; `obeys` says whether a
 * method is done, and does it.
 */
export async function openFakeBus(
  peers: Readonly<Record<string, FakePeer>>,
  { silent = [] as readonly string[], obeys = (_member: string, _args: readonly unknown[]): boolean => false } = {},
): Promise<FakeBus> {
  const folder = mkdtempSync(join(tmpdir(), "mosaic-fake-bus-"));
  const path = join(folder, "bus");
  const calls: FakeBus["calls"] = [];
  const open = new Set<Socket>();
  const answer = (call: MethodCallMessage): ArrayBuffer | undefined => {
    const { destination = "", objectPath, memberName } = call;
    const [first, second] = (call.args ?? []).map(String);
    calls.push({
      what: [destination, memberName, ...(call.args ?? [])].join(" "),
      noAutoStart: call.noAutoStart === true,
    });
    if (silent.includes(destination)) return undefined;
    if (destination === "org.freedesktop.DBus") return reply(call, [stringType, ":1.7"]);
    const peer = peers[destination];
    if (peer === undefined)
      return refusal(call, "org.freedesktop.DBus.Error.NameHasNoOwner", `Could not activate ${destination}`);
    const object = peer[objectPath];
    if (object === undefined)
      return refusal(call, "org.freedesktop.DBus.Error.UnknownObject", `Unknown object '${objectPath}'.`);
    if (obeys(memberName, call.args ?? [])) return reply(call);
    const value = object[first ?? ""]?.[second ?? ""];
    if (memberName !== "Get" || value === undefined)
      return refusal(call, "org.freedesktop.DBus.Error.UnknownProperty", `Unknown property ${second}`);
    return reply(call, [variantType, [typeOf(value), value]]);
  };
  const server = createServer((socket) => {
    open.add(socket);
    let rest: Buffer = Buffer.alloc(0);
    let greeted = false;
    socket.on("error", () => undefined);
    socket.on("close", () => open.delete(socket));
    socket.on("data", (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      if (!greeted) {
        const begin = rest.indexOf("BEGIN\r\n");
        if (begin < 0) return;
        greeted = true;
        rest = rest.subarray(begin + "BEGIN\r\n".length);
        socket.write("OK 0123456789abcdef0123456789abcdef\r\n");
      }
      while (rest.length >= 16) {
        const length = Math.ceil((16 + rest.readUInt32LE(12)) / 8) * 8 + rest.readUInt32LE(4);
        if (rest.length < length) return;
        const bytes = new Uint8Array(rest.subarray(0, length)).buffer;
        rest = rest.subarray(length);
        const call = parseMessage(new BufferReader(bytes, { littleEndian: true }));
        const said = call.messageType === MessageType.MethodCall ? answer(call) : undefined;
        if (said !== undefined) socket.write(new Uint8Array(said));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    path,
    address: `unix:path=${path},guid=0123456789abcdef0123456789abcdef`,
    calls,
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function typeOf(value: Value): CompleteType {
  if (typeof value === "boolean") return booleanType;
  if (typeof value !== "string") return arrayType(stringType);
  return value.startsWith("/") ? objectPathType : stringType;
}

function reply(call: MethodCallMessage, said?: readonly [CompleteType, unknown]): ArrayBuffer {
  const { serial } = call;
  const message = { messageType: MessageType.MethodReturn, serial, replySerial: serial } as const;
  return serializeMessage(said === undefined ? message : { ...message, types: [said[0]], args: [said[1]] });
}

function refusal(call: MethodCallMessage, errorName: string, said: string): ArrayBuffer {
  return serializeMessage({
    messageType: MessageType.Error,
    serial: call.serial,
    replySerial: call.serial,
    errorName,
    types: [stringType],
    args: [said],
  });
}
