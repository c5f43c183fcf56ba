import {
  accessSync,
  closeSync,
  constants,
  promises as fs,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  realpathSync,
  type Stats,
  statfsSync,
  statSync,
} from "node:fs";
import type { FileStatus, Files } from "../core/host.ts";
import { allOf } from "../core/steps.ts";
import { promptPaths } from "./prompt-paths.ts";

/** What of a file system is only looked at. */
type Looks = Pick<
  Files,
  | "read"
  | "readEach"
  | "readBytes"
  | "readFiles"
  | "readStart"
  | "readNow"
  | "status"
  | "list"
  | "readLink"
  | "realPath"
  | "samePlace"
  | "ownerOf"
  | "allows"
  | "space"
>;

export function codeOf(error: unknown): string | undefined {
  return (error as { code?: string }).code;
}

export function isMissing(error: unknown): boolean {
  return codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR";
}

export async function orUndefined<T>(attempt: T | Promise<T>): Promise<T | undefined> {
  try {
    return await attempt;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** orUndefined(), of what is done at once. */
function orUndefinedNow<T>(attempt: () => T): T | undefined {
  try {
    return attempt();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Files of the kernel of which most is asked, known by their names; not those that need the memory of a process. */
const INSTANT = /^\/(?:proc\/(?:\d+\/(?:cgroup|comm|limits|stat|status)$|(?:self|sys)\/|[^/]+$)|sys\/)/;
const isPromptPath = promptPaths();

/**
 * Whether a path can be looked at on this thread, without waiting. Another thread takes ten times as long, and with two
 * hundred agents there are a thousand looks.
 */
function isPrompt(path: string, follows = true): boolean {
  return INSTANT.test(path) || isPromptPath(path, follows);
}

/** A pipe in the place of a file is empty, or refuses to be read: it keeps nobody waiting. */
const AT_ONCE = constants.O_RDONLY | constants.O_NONBLOCK;
const BYTES = { flag: AT_ONCE as unknown as string };
const BYTES_OF_NO_LINK = { flag: (AT_ONCE | constants.O_NOFOLLOW) as unknown as string };
const TEXT = { ...BYTES, encoding: "utf8" } as const;
const QUIET = { throwIfNoEntry: false, bigint: false } as const;
const MODES = { read: constants.R_OK, write: constants.W_OK, execute: constants.X_OK };

async function stat(path: string): Promise<Stats | undefined> {
  return isPrompt(path) ? orUndefinedNow(() => statSync(path, QUIET)) : orUndefined(fs.stat(path));
}

/** What files of the kernel are read into: there are hundreds, and none of those of which there are many is as long. */
const shared = Buffer.alloc(16_384);

/** What the kernel writes down of a process it gives in one read, if there is room; of other files it gives a page at a time. */
function comesInOneRead(path: string): boolean {
  return path.startsWith("/proc/") && path.charAt(6) <= "9"; // the others begin with a letter
}

/** Its text, read until nothing more comes, where one read does not bring all: its size the kernel does not know. */
function kernelText(path: string, inOneRead = comesInOneRead(path)): string {
  const descriptor = openSync(path, AT_ONCE);
  let length = 0;
  try {
    for (let more = -1; more !== 0 && length < shared.length; length += more) {
      if (more > 0 && inOneRead) break;
      more = readSync(descriptor, shared, length, shared.length - length, null);
    }
  } finally {
    closeSync(descriptor);
  }
  return length === shared.length ? readFileSync(path, TEXT) : shared.toString("utf8", 0, length);
}

function kernelTextOrNone(path: string): string | undefined {
  try {
    return kernelText(path);
  } catch {
    return undefined;
  }
}

function startNow(path: string, length: number): Uint8Array {
  const descriptor = openSync(path, AT_ONCE);
  try {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, readSync(descriptor, bytes, 0, length, null));
  } finally {
    closeSync(descriptor);
  }
}

function kindOf(stat: Stats): FileStatus["kind"] {
  if (stat.isFile()) return "file";
  if (stat.isDirectory()) return "folder";
  if (stat.isSymbolicLink()) return "link";
  return stat.isSocket() ? "socket" : "other";
}

function statusOf(stat: Stats): FileStatus {
  const { mode, uid, gid, size, mtimeMs, ctimeMs } = stat;
  return { kind: kindOf(stat), mode: mode & 0o7777, uid, gid, size, modified: mtimeMs, changed: ctimeMs };
}

export const looks: Looks = {
  async read(path) {
    if (INSTANT.test(path)) return orUndefinedNow(() => kernelText(path));
    return isPrompt(path) ? orUndefinedNow(() => readFileSync(path, TEXT)) : orUndefined(fs.readFile(path, "utf8"));
  },

  async readEach(paths) {
    return allOf(
      paths.map((path) => (INSTANT.test(path) ? kernelTextOrNone(path) : looks.read(path).catch(() => undefined))),
    );
  },

  async readBytes(path, follows = true) {
    const how = follows ? BYTES : BYTES_OF_NO_LINK;
    return isPrompt(path, follows)
      ? orUndefinedNow(() => readFileSync(path, how))
      : orUndefined(fs.readFile(path, how));
  },

  async readFiles(paths) {
    return paths.map((path) => {
      try {
        const stat = isPrompt(path, false) ? lstatSync(path, QUIET) : undefined;
        return stat?.isFile() ? { status: statusOf(stat), bytes: readFileSync(path, BYTES_OF_NO_LINK) } : undefined;
      } catch {
        return undefined;
      }
    });
  },

  async readStart(path, length) {
    if (isPrompt(path)) return orUndefinedNow(() => startNow(path, length));
    const handle = await orUndefined(fs.open(path, constants.O_RDONLY));
    if (handle === undefined) return undefined;
    try {
      const { buffer, bytesRead } = await handle.read(new Uint8Array(length), 0, length, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  },

  readNow: (path) => orUndefinedNow(() => kernelText(path, true)),

  async status(path) {
    const stat = isPrompt(path, false)
      ? orUndefinedNow(() => lstatSync(path, QUIET))
      : await orUndefined(fs.lstat(path));
    return stat && statusOf(stat);
  },

  async list(folder) {
    const names = isPrompt(folder) ? orUndefinedNow(() => readdirSync(folder)) : await orUndefined(fs.readdir(folder));
    return (names ?? []).sort();
  },

  async readLink(path) {
    try {
      return isPrompt(path, false) ? readlinkSync(path) : await fs.readlink(path);
    } catch {
      return undefined;
    }
  },

  async realPath(path) {
    try {
      return isPrompt(path) ? realpathSync.native(path) : await fs.realpath(path);
    } catch {
      return undefined;
    }
  },

  async samePlace(one, other) {
    const [a, b] = await Promise.all([stat(one), stat(other)]);
    return a !== undefined && a.dev === b?.dev && a.ino === b.ino;
  },

  ownerOf: async (path) => (await stat(path))?.uid,

  async allows(path, what) {
    try {
      if (isPrompt(path)) accessSync(path, MODES[what]);
      else await fs.access(path, MODES[what]);
      return true;
    } catch {
      return false;
    }
  },

  async space(path) {
    const { bavail, bsize, ffree, files: inodes } = isPrompt(path) ? statfsSync(path) : await fs.statfs(path);
    return { freeBytes: bavail * bsize, freeInodes: ffree, inodes };
  },
};

/** As a function of its own. */
export const { samePlace } = looks;
