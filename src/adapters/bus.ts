import type { Host } from "../core/host.ts";
import {
  type Argument,
  type BusValue,
  decodeReply,
  encodeCall,
  FIXED_HEADER,
  messageLength,
  type Reply,
  signalObject,
} from "./bus-codec.ts";

/** One connection to a D-Bus peer; calls go out at once and are answered in any order. */
export interface Bus {
  /** Calls a method and gives what it returns. Never starts a peer. Throws BusError when it refuses, or is not there. */
  call(object: string, member: string, ...args: readonly Argument[]): Promise<readonly BusValue[]>;
  /** One property of an object, such as "NRestarts" of interface "org.freedesktop.systemd1.Service". */
  property(object: string, interfaceName: string, name: string): Promise<BusValue>;
  /** Several properties of an object, of one moment; those that it does not have are left out. */
  properties(object: string, interfaceName: string, names: readonly string[]): Promise<ReadonlyMap<string, BusValue>>;
  /** Has the object of each signal told that comes from now on; on a message bus, of those that match this rule of its. */
  onSignal(rule: string, told: (object: string) => void): Promise<void>;
  /** The same connection, speaking to another peer on the message bus. */
  to(destination: string): Bus;
  close(): void;
}

/** The peer did not do what it was asked. `code`: its D-Bus error name, or the system's (ECONNREFUSED …). */
export class BusError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** Calls that go out in one piece: one timer is enough for them. */
interface Batch {
  /** How many are not answered yet. */
  open: number;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** A call that waits for its answer. */
interface Asked {
  resolve(value: readonly BusValue[]): void;
  reject(error: BusError): void;
  readonly to: string | undefined;
  readonly member: string;
  /** Of an answer that is a dictionary, the entries that are wanted. */
  readonly wanted: ReadonlySet<string> | undefined;
  readonly batch: Batch;
}

/** Milliseconds until a peer that does not let us in, or leaves a call unanswered, is given up. */
const LIMIT_MS = 5_000;
/** A line of the handshake is shorter; what is longer is none. */
const LONGEST_LINE = 4_096;
const PROPERTIES = "org.freedesktop.DBus.Properties";

/**
 * Connects to a peer at a socket path: a manager's private socket, or, with `destination`, somebody on a message bus.
 * Throws BusError when nobody who speaks D-Bus lets us in there. `limitMs`: how long an answer may take; to be let in takes no
 * longer for that.
 */
export async function openBus(path: string, uid: number, destination?: string, limitMs = LIMIT_MS): Promise<Bus> {
  const waiting = new Map<number, Asked>();
  /** Peers that have left a call unanswered: asked again, each call would take its time anew. */
  const silent = new Map<string, BusError>();
  let serial = 0;
  let over: BusError | undefined;
  let socket: Bun.Socket | undefined;
  let told: ((object: string) => void) | undefined;
  /** What is called in one go goes out in one piece, and the rest when the peer has taken what it could. */
  let unsent: Buffer[] = [];
  /** The calls that go out next. */
  let next: Batch | undefined;
  const flush = () => {
    next = undefined;
    const bytes = Buffer.concat(unsent);
    const taken = socket === undefined || over !== undefined ? 0 : Math.max(socket.write(bytes), 0);
    unsent = taken < bytes.length ? [bytes.subarray(taken)] : [];
  };
  const end = (error: BusError) => {
    over ??= error;
    for (const { reject, batch } of waiting.values()) {
      clearTimeout(batch.timer);
      reject(over);
    }
    waiting.clear();
    socket?.terminate();
  };

  const settle = ({ to, values, error }: Reply) => {
    const asked = waiting.get(to);
    if (asked === undefined) return;
    waiting.delete(to);
    if (--asked.batch.open === 0) clearTimeout(asked.batch.timer);
    if (error === undefined) asked.resolve(values);
    else asked.reject(new BusError(error, String(values[0] ?? error)));
  };
  const expired = (batch: Batch) => {
    for (const [serial, asked] of waiting) {
      if (asked.batch !== batch) continue;
      const { to, member } = asked;
      const error = new BusError("ETIMEDOUT", `${to ?? path} did not answer ${member} within ${limitMs / 1000} s`);
      if (to === undefined) return end(error);
      silent.set(to, error);
      waiting.delete(serial);
      asked.reject(error);
    }
  };

  const inMs = Math.min(limitMs, LIMIT_MS);
  await new Promise<void>((resolve, reject) => {
    const refused = (error: BusError) => {
      clearTimeout(timer);
      reject(error); // first: ending the connection is told as an error, too
      end(error);
    };
    const timer = setTimeout(
      () => refused(new BusError("ETIMEDOUT", `${path} did not answer within ${inMs / 1000} s`)),
      inMs,
    );
    // systemd leaves a message that comes in one piece with the handshake lying: nothing is sent until we are let in.
    const replies = reader(
      () => {
        clearTimeout(timer);
        resolve();
      },
      (serial) => waiting.get(serial)?.wanted,
      (message) => {
        const object = told && signalObject(message);
        if (object !== undefined) told?.(object);
      },
    );
    const failed = (error: NodeJS.ErrnoException) =>
      refused(new BusError(error.code ?? "EIO", `${path}: ${error.code ?? error.message}`));
    // Bun's own socket: that of node:net takes 5 ms to load.
    Bun.connect({
      unix: path,
      socket: {
        open(opened) {
          socket = opened;
          if (over !== undefined) return void opened.terminate(); // it took too long
          unsent.push(Buffer.from(`\0AUTH EXTERNAL ${Buffer.from(String(uid)).toString("hex")}\r\nBEGIN\r\n`));
          flush();
        },
        data(_, chunk) {
          if (over !== undefined) return;
          try {
            for (const reply of replies(chunk)) settle(reply);
          } catch (error) {
            const why = error instanceof Error ? error.message : String(error);
            refused(error instanceof BusError ? error : new BusError("EPROTO", `${path} speaks no D-Bus: ${why}`));
          }
        },
        drain: flush,
        error: (_, error) => failed(error),
        close: () => refused(new BusError("ECONNRESET", `${path} closed the connection`)),
      },
    }).catch(failed);
  });

  const send = (
    object: string,
    member: string,
    args: readonly Argument[],
    to: string | undefined,
    wanted?: ReadonlySet<string>,
  ) =>
    new Promise<readonly BusValue[]>((resolve, reject) => {
      const given = over ?? silent.get(to ?? "");
      if (given !== undefined) return reject(given);
      const mine = ++serial;
      const dot = member.lastIndexOf(".");
      const message = encodeCall({
        serial: mine,
        object,
        interfaceName: member.slice(0, dot),
        member: member.slice(dot + 1),
        destination: to,
        args,
      });
      if (next === undefined) {
        const batch: Batch = { open: 0, timer: setTimeout(() => expired(batch), limitMs) };
        next = batch;
      }
      next.open++;
      waiting.set(mine, { resolve, reject, to, member, wanted, batch: next });
      if (unsent.push(message) === 1) queueMicrotask(flush);
    });

  const peer = (to: string | undefined): Bus => ({
    call: (object, member, ...args) => send(object, member, args, to),
    async property(object, interfaceName, name) {
      const [value] = await send(object, `${PROPERTIES}.Get`, [interfaceName, name], to);
      return value ?? "";
    },
    async properties(object, interfaceName, names) {
      const [entries] = await send(object, `${PROPERTIES}.GetAll`, [interfaceName], to, new Set(names));
      return new Map((entries ?? []) as readonly (readonly [string, BusValue])[]);
    },
    async onSignal(rule, listener) {
      told = listener;
      if (to !== undefined)
        await send("/org/freedesktop/DBus", "org.freedesktop.DBus.AddMatch", [rule], "org.freedesktop.DBus");
    },
    to: peer,
    close: () => end(new BusError("ECONNABORTED", "closed")),
  });
  if (destination !== undefined) {
    try {
      await send("/org/freedesktop/DBus", "org.freedesktop.DBus.Hello", [], "org.freedesktop.DBus");
    } catch (error) {
      end(new BusError("ECONNABORTED", "closed"));
      throw error;
    }
  }
  return peer(destination);
}

/** The system's message bus; undefined where there is none. Throws BusError when it lets nobody in. */
export async function openSystemBus(host: Pick<Host, "env" | "user">): Promise<Bus | undefined> {
  const path = pathOf(host.env.DBUS_SYSTEM_BUS_ADDRESS) ?? "/run/dbus/system_bus_socket";
  try {
    return await openBus(path, host.user.uid, "org.freedesktop.DBus");
  } catch (error) {
    if (error instanceof BusError && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** The socket of a bus's address, where it has one in the file system: "unix:path=/run/user/1000/bus,guid=…". */
export function pathOf(address: string | undefined): string | undefined {
  const escaped = /(?:^|;)unix:(?:[^;]*,)?path=([^,;]+)/.exec(address ?? "")?.[1];
  try {
    return escaped === undefined ? undefined : decodeURIComponent(escaped);
  } catch {
    return undefined;
  }
}

/** Cuts a stream into messages: a line of the handshake first, then each as long as its header says. */
function reader(
  onAuthenticated: () => void,
  wantedBy: (serial: number) => ReadonlySet<string> | undefined,
  onOther: (message: Buffer) => void,
): (chunk: Buffer) => Reply[] {
  let chunks: Buffer[] = [];
  let have = 0;
  /** How many bytes are needed before anything can be done: what comes in pieces is put together once. */
  let need = 1;
  let authenticated = false;
  return (chunk) => {
    chunks.push(chunk);
    have += chunk.length;
    if (have < need) return [];
    let rest = chunks.length === 1 ? chunk : Buffer.concat(chunks);
    const replies: Reply[] = [];
    if (!authenticated) {
      const end = rest.indexOf("\r\n");
      if (end < 0 && rest.length <= LONGEST_LINE) {
        chunks = [rest];
        return replies;
      }
      const line = rest.toString("latin1", 0, end < 0 ? LONGEST_LINE : end);
      if (line.startsWith("REJECTED")) throw new BusError("EACCES", "the peer lets this user not in");
      if (end < 0 || !/^OK [0-9a-f]*$/.test(line)) throw new Error(`it says ${JSON.stringify(line.slice(0, 60))}`);
      authenticated = true;
      onAuthenticated();
      rest = rest.subarray(end + 2);
    }
    need = FIXED_HEADER;
    while (rest.length >= FIXED_HEADER) {
      const length = messageLength(rest);
      need = length;
      if (rest.length < length) break;
      const message = rest.subarray(0, length);
      const reply = decodeReply(message, wantedBy);
      if (reply === undefined) onOther(message);
      else replies.push(reply);
      rest = rest.subarray(length);
      need = FIXED_HEADER;
    }
    chunks = [rest];
    have = rest.length;
    return replies;
  };
}
