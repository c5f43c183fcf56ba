import { constants, readFileSync } from "node:fs";
import * as fs from "node:fs/promises";
import { dirname, join } from "node:path";
import type { FileStatus, Files } from "../core/host.ts";

/** What a file is called until writeAtomic has it whole. */
export const TEMPORARY = /^\.mosaic-[0-9a-f]{8}\.tmp$/;

function isMissing(error: unknown): boolean {
  const code = (error as { code?: string }).code;
  return code === "ENOENT" || code === "ENOTDIR";
}

async function orUndefined<T>(attempt: Promise<T>): Promise<T | undefined> {
  try {
    return await attempt;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await fs.open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Whether two paths are one place, whatever links and mounts lead there. */
export async function samePlace(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([orUndefined(fs.stat(one)), orUndefined(fs.stat(other))]);
  return a !== undefined && a.dev === b?.dev && a.ino === b.ino;
}

/** The uid that a path belongs to, links followed; undefined when nothing is there. */
export async function ownerOf(path: string): Promise<number | undefined> {
  return (await orUndefined(fs.stat(path)))?.uid;
}

/** Makes a symbolic link, whole or not at all; false when something is there, or its folder is not. */
export async function makeLink(path: string, target: string): Promise<boolean> {
  try {
    await fs.symlink(target, path);
    return true;
  } catch (error) {
    if (isMissing(error) || (error as { code?: string }).code === "EEXIST") return false;
    throw error;
  }
}

/** Removes a symbolic link, if it still has this target: not one that came into its place since it was looked at. */
export async function removeLink(path: string, target: string): Promise<void> {
  const aside = `${path}.${crypto.randomUUID().slice(0, 8)}`;
  try {
    await fs.rename(path, aside);
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  const found = await fs.readlink(aside);
  if (found !== target) await makeLink(path, found);
  await fs.rm(aside);
}

/**
 * Files in which the kernel writes down what it knows, without waiting for a disk or for the memory of a process that
 * may hang (environ, cmdline). Read at once they cost a tenth of a read on another thread, and there are hundreds.
 */
function isInstant(path: string): boolean {
  return /^\/(?:proc\/(?:\d+\/(?:cgroup|comm|limits|stat|status)$|(?:self|sys)\/|[^/]+$)|sys\/)/.test(path);
}

/** As a promise that is settled already. */
async function instantly(path: string): Promise<string> {
  return readFileSync(path, "utf8");
}

/** Makes every folder of a tree one that its owner may enter and change. */
async function openFolders(path: string): Promise<void> {
  await fs.chmod(path, 0o700);
  for (const entry of await fs.readdir(path, { withFileTypes: true }))
    if (entry.isDirectory()) await openFolders(join(path, entry.name));
}

export const files: Files = {
  read: async (path) => orUndefined(isInstant(path) ? instantly(path) : fs.readFile(path, "utf8")),
  readBytes: (path) => orUndefined(fs.readFile(path)),

  async readStart(path, length) {
    const handle = await orUndefined(fs.open(path, constants.O_RDONLY));
    if (handle === undefined) return undefined;
    try {
      const { buffer, bytesRead } = await handle.read(new Uint8Array(length), 0, length, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  },

  async status(path): Promise<FileStatus | undefined> {
    const stat = await orUndefined(fs.lstat(path));
    if (stat === undefined) return undefined;
    let kind: FileStatus["kind"] = "other";
    if (stat.isFile()) kind = "file";
    else if (stat.isDirectory()) kind = "folder";
    else if (stat.isSymbolicLink()) kind = "link";
    else if (stat.isSocket()) kind = "socket";
    return {
      kind,
      mode: stat.mode & 0o7777,
      uid: stat.uid,
      gid: stat.gid,
      size: stat.size,
      modified: stat.mtimeMs,
    };
  },

  list: async (folder) => ((await orUndefined(fs.readdir(folder))) ?? []).sort(),

  async writeAtomic(path, text, mode) {
    const temporary = join(dirname(path), `.mosaic-${crypto.randomUUID().slice(0, 8)}.tmp`);
    try {
      const handle = await fs.open(temporary, "wx", mode);
      try {
        await handle.writeFile(text);
        await handle.chmod(mode); // whatever the umask is
        await handle.sync();
      } finally {
        await handle.close();
      }
      await fs.rename(temporary, path);
    } catch (error) {
      await fs.rm(temporary, { force: true });
      throw error;
    }
    await syncFolder(dirname(path));
  },

  writeInPlace: (path, text) => fs.writeFile(path, text),

  async makeFolder(path, mode = 0o755) {
    const missing: string[] = [];
    for (let folder = path; (await files.status(folder)) === undefined; folder = dirname(folder))
      missing.unshift(folder);
    await fs.mkdir(path, { recursive: true, mode });
    return missing;
  },

  makeTemporaryFolder: (prefix) => fs.mkdtemp(prefix),
  append: (path, text) => fs.appendFile(path, text),
  chmod: (path, mode) => fs.chmod(path, mode),
  removeFile: (path) => fs.rm(path, { force: true }),

  async removeEmptyFolder(path) {
    try {
      await fs.rmdir(path);
      return true;
    } catch (error) {
      if (isMissing(error)) return true;
      const code = (error as { code?: string }).code;
      if (code === "ENOTEMPTY" || code === "EEXIST" || code === "EBUSY") return false;
      throw error;
    }
  },

  async removeTree(path) {
    try {
      await fs.rm(path, { recursive: true, force: true });
    } catch (error) {
      if ((error as { code?: string }).code !== "EACCES") throw error;
      await openFolders(path); // systemd keeps folders of mode 000 in a runtime folder
      await fs.rm(path, { recursive: true, force: true });
    }
  },

  async readLink(path) {
    try {
      return await fs.readlink(path);
    } catch {
      return undefined;
    }
  },

  async realPath(path) {
    try {
      return await fs.realpath(path);
    } catch {
      return undefined;
    }
  },

  async allows(path, what) {
    const mode = { read: constants.R_OK, write: constants.W_OK, execute: constants.X_OK }[what];
    try {
      await fs.access(path, mode);
      return true;
    } catch {
      return false;
    }
  },

  async space(path) {
    const { bavail, bsize, ffree, files: inodes } = await fs.statfs(path);
    return { freeBytes: bavail * bsize, freeInodes: ffree, inodes };
  },
};
