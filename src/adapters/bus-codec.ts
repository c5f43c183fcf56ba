/** A D-Bus value without its types: a variant is what is in it; the largest 64-bit number, "no limit", is Infinity. */
export type BusValue = string | number | boolean | readonly BusValue[];

/** What a method is called with here: a text (s), a list of texts (as), a number (u) or a truth value (b). */
export type Argument = string | readonly string[] | number | boolean;

export interface MethodCall {
  readonly serial: number;
  readonly object: string;
  readonly interfaceName: string;
  readonly member: string;
  /** Whom on a message bus it is for; undefined on a connection of two. */
  readonly destination: string | undefined;
  readonly args: readonly Argument[];
}

export interface Reply {
  /** The serial of the call that it answers. */
  readonly to: number;
  readonly values: readonly BusValue[];
  /** The D-Bus error name, where it is one. */
  readonly error: string | undefined;
}

const LITTLE = 0x6c; // l
const BIG = 0x42; // B
const METHOD_CALL = 1;
const METHOD_RETURN = 2;
const ERROR = 3;
const SIGNAL = 4;
const NO_AUTO_START = 2;
const FIELD = { path: 1, interface: 2, member: 3, errorName: 4, replySerial: 5, destination: 6, signature: 8 } as const;

/** Bytes of a header that are always there. */
export const FIXED_HEADER = 16;
/** The protocol allows 128 MiB; the longest answer to what is asked here, a thousand units, has one. */
const LONGEST_MESSAGE = 32 * 1024 * 1024;

const OBJECT_PATH = /^\/(?:[A-Za-z0-9_]+(?:\/[A-Za-z0-9_]+)*)?$/;

/**
 * The bytes of a method call that starts nobody. Throws on what a peer would end the connection for: no path, a NUL.
 * Little endian, as the protocol lets the sender choose.
 */
export function encodeCall(call: MethodCall): Buffer {
  const { serial, object } = call;
  if (!OBJECT_PATH.test(object)) throw new Error(`no object path: ${JSON.stringify(object)}`);
  const { fields, rest } = afterPath(call);
  // The path comes first, so that what follows is the same for all objects of which the same is asked.
  const start = nextMultiple(PATH + object.length + 1, 8);
  const buffer = Buffer.alloc(start + rest.length);
  buffer.write(`l${CALL}`, 0, "latin1");
  buffer.writeUInt32LE(rest.length - nextMultiple(fields, 8), 4);
  buffer.writeUInt32LE(serial, 8);
  buffer.writeUInt32LE(start + fields - FIXED_HEADER, 12);
  buffer.write("\x01\x01o\0", FIXED_HEADER, "latin1");
  buffer.writeUInt32LE(object.length, PATH - 4);
  buffer.write(object, PATH, "latin1");
  rest.copy(buffer, start);
  return buffer;
}

/** Type, flags and version of a message, behind the letter for its byte order. */
const CALL = String.fromCharCode(METHOD_CALL, NO_AUTO_START, 1);
/** Where the path's text starts: behind the fixed header, the field's code and type, and the text's length. */
const PATH = FIXED_HEADER + 8;

/** What of a call follows its path: `fields` bytes of the header's, and after a gap its arguments. */
interface AfterPath {
  readonly fields: number;
  readonly rest: Buffer;
}

/** By member, arguments and destination: of two hundred units the same is asked. */
const encoded = new Map<string, AfterPath>();

function afterPath(call: MethodCall): AfterPath {
  const { interfaceName, member, destination, args } = call;
  const key = JSON.stringify([interfaceName, member, destination, args]);
  const known = encoded.get(key);
  if (known !== undefined) return known;
  if (textsIn(args).some((text) => text.includes("\0"))) throw new Error("a text with a NUL");
  const made = encodeAfterPath(call);
  encoded.set(key, made);
  return made;
}

function encodeAfterPath({ interfaceName, member, destination, args }: MethodCall): AfterPath {
  const signature = args.map(typeOf).join("");
  const fields: [code: number, type: "s" | "g", value: string][] = [
    [FIELD.interface, "s", interfaceName],
    [FIELD.member, "s", member],
    ...(destination === undefined ? [] : [[FIELD.destination, "s", destination] as [number, "s", string]]),
    ...(signature === "" ? [] : [[FIELD.signature, "g", signature] as [number, "g", string]]),
  ];
  // Room for the longest that these texts can come to: three bytes a letter, and what stands around each.
  const letters = (texts: readonly string[]) => texts.reduce((sum, text) => sum + 3 * text.length + 24, 0);
  const buffer = Buffer.alloc(
    64 + letters(fields.map(([, , value]) => value)) + letters(textsIn(args)) + 8 * args.length,
  );
  let at = 0;
  const align = (size: number) => {
    at = nextMultiple(at, size);
  };
  const text = (value: string) => {
    align(4);
    const length = buffer.write(value, at + 4);
    buffer.writeUInt32LE(length, at);
    at += 4 + length + 1;
  };
  for (const [code, type, value] of fields) {
    align(8);
    at += buffer.write(`${String.fromCharCode(code)}\x01${type}\0`, at, "latin1");
    if (type !== "g") text(value);
    else at += buffer.write(`${String.fromCharCode(value.length)}${value}\0`, at, "latin1");
  }
  const end = at;
  align(8);
  const number = (value: number) => {
    align(4);
    at = buffer.writeUInt32LE(value, at);
  };
  for (const arg of args) {
    if (typeof arg === "string") text(arg);
    else if (typeof arg === "object") {
      number(0);
      const first = at;
      for (const each of arg) text(each);
      buffer.writeUInt32LE(at - first, first - 4);
    } else number(Number(arg));
  }
  return { fields: end, rest: buffer.subarray(0, at) };
}

function typeOf(arg: Argument): string {
  if (typeof arg === "object") return "as";
  return { string: "s", number: "u", boolean: "b" }[typeof arg as "string" | "number" | "boolean"];
}

function textsIn(args: readonly Argument[]): string[] {
  return args.flat().filter((each) => typeof each === "string");
}

/** `size`: a power of two. */
function nextMultiple(at: number, size: number): number {
  return (at + size - 1) & -size;
}

/** How long the message is that starts here, by its fixed header. Throws when it is none. */
export function messageLength(bytes: Buffer): number {
  if (bytes[0] !== LITTLE && bytes[0] !== BIG) throw new Error("a message starts with neither l nor B");
  const number = (at: number) => (bytes[0] === LITTLE ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  const length = Math.ceil((FIXED_HEADER + number(12)) / 8) * 8 + number(4);
  if (length > LONGEST_MESSAGE) throw new Error(`a message of ${length} bytes`);
  return length;
}

/**
 * A whole message as a reply; undefined for what answers nothing: signals, calls, kinds that are yet to come. Throws on
 * nonsense. `wantedBy`: of a reply that is a dictionary, the entries which the call of this serial wants; else all.
 */
export function decodeReply(
  bytes: Buffer,
  wantedBy?: (serial: number) => ReadonlySet<string> | undefined,
): Reply | undefined {
  const kind = bytes[1];
  if (kind !== METHOD_RETURN && kind !== ERROR) return undefined;
  if (bytes[3] !== 1) throw new Error(`version ${bytes[3]} of the protocol`);
  read.open(bytes);
  const { to, signature, errorName } = read.fields();
  const wanted = signature === "a{sv}" ? wantedBy?.(to) : undefined;
  const values = wanted === undefined ? types(signature).map(read.value) : [read.entries(wanted)];
  if (read.at !== bytes.length) throw new Error("a body is not as long as its header says");
  return { to, values, error: kind === ERROR ? errorName : undefined };
}

/** The object of a message that is a signal; undefined for another. Throws on nonsense. */
export function signalObject(bytes: Buffer): string | undefined {
  if (bytes[1] !== SIGNAL) return undefined;
  read.open(bytes);
  read.at = 12;
  const fields = new Map(read.value("a(yv)") as readonly (readonly [number, BusValue])[]);
  return String(fields.get(FIELD.path) ?? "");
}

/** Bytes to which each type is aligned. */
const ALIGNMENT: Readonly<Record<string, number>> = {
  ...{ y: 1, g: 1, v: 1, n: 2, q: 2, i: 4, u: 4, b: 4, h: 4, s: 4, o: 4, a: 4, x: 8, t: 8, d: 8, "(": 8, "{": 8 },
};
/** Bytes of the types that are always as long. */
const SIZE: Readonly<Record<string, number>> = { y: 1, n: 2, q: 2, i: 4, u: 4, b: 4, h: 4, x: 8, t: 8, d: 8 };
const [ALIGNMENT_BY_CODE, SIZE_BY_CODE] = [ALIGNMENT, SIZE].map((sizes) => {
  const byCode = new Uint8Array(128);
  for (const letter in sizes) byCode[letter.charCodeAt(0)] = sizes[letter] ?? 0;
  return byCode;
}) as [Uint8Array, Uint8Array];
const TEXT = 0x73; // s
const LIST = 0x61; // a
const NO_LIMIT = 0xffff_ffff_ffff_ffffn;

/** Reads values one after another out of a message. One for all: to make one for each would take as long as to read it. */
const read = decoder();

function decoder() {
  let bytes: Buffer = Buffer.alloc(0);
  let little = true;
  const read = {
    at: 0,
    open(message: Buffer) {
      bytes = message;
      little = message[0] === LITTLE;
      read.at = 0;
    },
    align(size: number) {
      read.at = nextMultiple(read.at, size);
    },
    /** Of the fields of the header, which it goes past, those that say something. */
    fields() {
      const found = { to: Number.NaN, path: "", signature: "", errorName: "an error without a name" };
      read.at = FIXED_HEADER - 4;
      const end = endOfList("(yv)");
      while (read.at < end) {
        read.align(8);
        const code = bytes.readUInt8(skip(1));
        if (code === FIELD.replySerial) found.to = Number(read.value("v"));
        else if (code === FIELD.signature) found.signature = String(read.value("v"));
        else if (code === FIELD.path) found.path = String(read.value("v"));
        else if (code === FIELD.errorName) found.errorName = String(read.value("v"));
        else pass("v");
      }
      if (read.at !== end) throw new Error("a header is not as long as it says");
      read.align(8);
      return found;
    },
    value(type: string): BusValue {
      if (type === "s" || type === "o") {
        read.align(4); // most are texts
        return text(unsigned());
      }
      const size = ALIGNMENT[type[0] ?? ""];
      if (size === undefined) throw new Error(`no type ${JSON.stringify(type.slice(0, 20))}`);
      read.align(size);
      switch (type[0]) {
        case "y":
          return bytes.readUInt8(skip(1));
        case "n":
          return little ? bytes.readInt16LE(skip(2)) : bytes.readInt16BE(skip(2));
        case "q":
          return little ? bytes.readUInt16LE(skip(2)) : bytes.readUInt16BE(skip(2));
        case "i":
          return little ? bytes.readInt32LE(skip(4)) : bytes.readInt32BE(skip(4));
        case "u":
        case "h":
          return unsigned();
        case "b":
          return unsigned() !== 0;
        case "d":
          return little ? bytes.readDoubleLE(skip(8)) : bytes.readDoubleBE(skip(8));
        case "x":
          return Number(little ? bytes.readBigInt64LE(skip(8)) : bytes.readBigInt64BE(skip(8)));
        case "t": {
          const value = little ? bytes.readBigUInt64LE(skip(8)) : bytes.readBigUInt64BE(skip(8));
          return value === NO_LIMIT ? Number.POSITIVE_INFINITY : Number(value);
        }
        case "g":
          return text(bytes.readUInt8(skip(1)));
        case "v":
          return read.value(signature());
        case "a": {
          const element = type.slice(1);
          const end = endOfList(element);
          const values: BusValue[] = [];
          while (read.at < end) values.push(read.value(element));
          if (read.at !== end) throw new Error("a list is not as long as it says");
          return values;
        }
        default: // ( {
          return types(type.slice(1, -1)).map(read.value);
      }
    },
    /** Of a{sv} the entries with these keys; the others are gone over, which costs a tenth of reading them. */
    entries(wanted: ReadonlySet<string>): BusValue[] {
      read.align(4);
      const end = endOfList("{sv}");
      const found: BusValue[] = [];
      while (read.at < end) {
        // Of four hundred properties most are a number or a text that nobody wants: of those only the key is read.
        const key = nextMultiple(read.at, 8) + 4;
        const type = key + unsignedAt(key - 4) + 1;
        const name = bytes.toString("utf8", key, type - 1);
        read.at = type;
        if (wanted.has(name)) {
          found.push([name, read.value("v")]);
          continue;
        }
        const letter = bytes[type + 1] ?? 0;
        const value = type + 2 + (bytes[type] ?? 0);
        const size = value === type + 3 ? (SIZE_BY_CODE[letter] ?? 0) : 0;
        const length = nextMultiple(value, 4);
        if (size > 0) read.at = nextMultiple(value, size) + size;
        else if (letter === TEXT) read.at = length + 4 + unsignedAt(length) + 1;
        else if (letter === LIST)
          read.at = nextMultiple(length + 4, ALIGNMENT_BY_CODE[bytes[type + 2] ?? 0] || 1) + unsignedAt(length);
        else pass("v");
      }
      if (read.at !== end) throw new Error("a dictionary is not as long as it says");
      return found;
    },
  };
  /** Goes to where a list begins, and says where it ends. */
  const endOfList = (element: string) => {
    const length = unsigned();
    read.align(ALIGNMENT[element[0] ?? ""] ?? 1);
    if (read.at + length > bytes.length) throw new Error("a list is longer than its message");
    return read.at + length;
  };
  const pass = (type: string) => {
    const letter = type[0] ?? "";
    read.align(ALIGNMENT[letter] ?? 1);
    const size = SIZE[letter];
    if (size !== undefined) skip(size);
    else if (letter === "s" || letter === "o") skip(unsigned() + 1);
    else if (letter === "g") skip(bytes.readUInt8(skip(1)) + 1);
    else if (letter === "a") read.at = endOfList(type.slice(1));
    else if (letter === "v") pass(signature());
    else for (const inside of types(type.slice(1, -1))) pass(inside);
  };
  /** Of a variant: one complete type. Most are of one letter. */
  const signature = (): string => {
    const length = bytes.readUInt8(skip(1));
    if (length === 1 && bytes[read.at + 1] === 0) return String.fromCharCode(bytes[skip(2)] ?? 0);
    const [inside = "", ...more] = types(text(length));
    if (more.length > 0 || inside === "") throw new Error("a variant holds one value");
    return inside;
  };
  const skip = (size: number) => {
    const at = read.at;
    read.at += size;
    return at;
  };
  const unsignedAt = (at: number) => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  const unsigned = () => unsignedAt(skip(4));
  const text = (length: number) => {
    const from = skip(length + 1);
    if (read.at > bytes.length) throw new Error("a text is longer than its message");
    return bytes.toString("utf8", from, from + length);
  };
  return read;
}

const known = new Map<string, readonly string[]>();

/** The single complete types of a signature: "sa(ss)u" → s, a(ss), u. */
function types(signature: string): readonly string[] {
  const before = known.get(signature);
  if (before !== undefined) return before;
  const found: string[] = [];
  for (let at = 0; at < signature.length; ) {
    let end = at;
    while (signature[end] === "a") end++;
    let depth = 0;
    do {
      const letter = signature[end++];
      if (letter === undefined) throw new Error(`no signature: ${JSON.stringify(signature.slice(0, 60))}`);
      if (letter === "(" || letter === "{") depth++;
      else if (letter === ")" || letter === "}") depth--;
    } while (depth > 0);
    found.push(signature.slice(at, end));
    at = end;
  }
  known.set(signature, found);
  return found;
}
