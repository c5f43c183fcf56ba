import { constants, createReadStream, promises as fs } from "node:fs";
import { dirname, join } from "node:path";
import type { Files } from "../core/host.ts";
import { type Disk, disk } from "./disk.ts";
import { codeOf, isMissing, looks, orUndefined } from "./looks.ts";

/** What a file or a link is called until it is whole, or on its way out. */
export const TEMPORARY = /^\.mosaic-[0-9a-f]{8}\.tmp$/;

function temporaryBeside(path: string): string {
  return join(dirname(path), `.mosaic-${crypto.randomUUID().slice(0, 8)}.tmp`);
}

/** As the system says it. */
function existing(path: string, call = ""): Error {
  return Object.assign(new Error(`EEXIST: file already exists, ${call}'${path}'`), { code: "EEXIST", path });
}

/** Whether it was made here: false when another process was faster. */
async function orFalse(making: Promise<void>): Promise<boolean> {
  try {
    await making;
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Makes every folder of a tree one that its owner may enter and change. */
async function openFolders(path: string): Promise<void> {
  await fs.chmod(path, 0o700);
  for (const entry of await fs.readdir(path, { withFileTypes: true }))
    if (entry.isDirectory()) await openFolders(join(path, entry.name));
}

/** A pipe that nobody reads refuses to be opened: it keeps nobody waiting. */
const APPENDING = {
  flag: (constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK) as unknown as string,
};

/** What a file system says that has no hard links, or none to this. */
const NO_LINKS = ["EPERM", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EXDEV"];

/** A file that was not there, with this content, which then outlasts a power loss. */
async function writeWhole(disk: Disk, path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const file = await disk.create(path, mode);
  try {
    await file.write(content);
    await file.chmod(mode); // whatever the umask is
    await file.sync();
  } catch (error) {
    throw Object.assign(error as Error, { path }); // of a file that is open the system names none
  } finally {
    await file.close();
  }
}

/** The file system, with every change that a layout needs made through `disk`. */
export function filesOn(disk: Disk): Files {
  /** Gives a file that is whole its name. Throws EEXIST when something has it. */
  async function placeNew(temporary: string, path: string): Promise<void> {
    try {
      await disk.link(temporary, path);
    } catch (error) {
      if (!NO_LINKS.includes(codeOf(error) ?? "")) throw error;
      if ((await looks.status(path)) !== undefined) throw existing(path);
      await disk.rename(temporary, path);
    }
  }

  const files: Files = {
    ...looks,

    async writeAtomic(path, content, mode) {
      await files.replace(path, content, mode);
      await files.sync(dirname(path));
    },

    async replace(path, content, mode) {
      const prepared = files.prepare(path, content, mode);
      try {
        await prepared.place();
      } catch (error) {
        await prepared.discard().catch(() => undefined);
        throw error; // the first failure is the one to tell
      }
    },

    prepare(path, content, mode) {
      const temporary = temporaryBeside(path);
      const ready = writeWhole(disk, temporary, content, mode);
      ready.catch(() => undefined); // told by place()
      return {
        ready,
        async place() {
          await ready;
          await disk.rename(temporary, path);
        },
        async placeNew() {
          await ready;
          return orFalse(placeNew(temporary, path));
        },
        async discard() {
          await ready.catch(() => undefined);
          await files.removeFile(temporary);
        },
      };
    },

    open: (path) => disk.open(path),

    async setAside(path) {
      const temporary = temporaryBeside(path);
      const discard = () => files.removeFile(temporary);
      try {
        await files.keep(path, temporary);
      } catch (error) {
        if (isMissing(error)) return undefined;
        await discard().catch(() => undefined);
        throw error;
      }
      return {
        async restore() {
          await disk.rename(temporary, path);
          await discard(); // two names of one file are left as they are by a rename
        },
        discard,
      };
    },

    chunks: (path) => createReadStream(path, { highWaterMark: 1 << 20 }),

    async writeNew(path, chunks, mode) {
      const file = await disk.create(path, mode);
      try {
        for await (const chunk of chunks) await file.write(chunk);
        await file.chmod(mode); // whatever the umask is
        await file.sync();
      } finally {
        await file.close();
      }
    },

    async keep(path, as) {
      try {
        await disk.link(path, as);
      } catch (error) {
        if (!NO_LINKS.includes(codeOf(error) ?? "")) throw error;
        await files.writeNew(as, files.chunks(path), (await fs.stat(path)).mode & 0o777);
      }
    },

    sync: (path) => orUndefined(disk.sync(path)),
    writeInPlace: (path, text) => fs.writeFile(path, text),

    async makeFolder(path, mode = 0o755) {
      const missing: string[] = [];
      for (let folder = path; (await looks.status(folder)) === undefined; folder = dirname(folder))
        missing.unshift(folder);
      const made: string[] = [];
      try {
        for (const folder of missing) {
          if (await orFalse(disk.mkdir(folder, mode))) made.push(folder);
        }
        if (!(await fs.stat(path)).isDirectory()) throw existing(path, "mkdir ");
      } catch (error) {
        for (const folder of made.reverse()) await disk.rmdir(folder).catch(() => undefined);
        throw error;
      }
      return made;
    },

    makeTemporaryFolder: (prefix) => fs.mkdtemp(prefix),
    append: (path, text) => fs.appendFile(path, text, APPENDING),
    chmod: (path, mode) => disk.chmod(path, mode),
    async removeFile(path) {
      try {
        await orUndefined(disk.unlink(path));
      } catch (error) {
        // A disk that refuses says so before it looks whether anything is there.
        if ((await looks.status(path)) !== undefined) throw error;
      }
    },

    async removeEmptyFolder(path) {
      try {
        await disk.rmdir(path);
        return true;
      } catch (error) {
        if (isMissing(error)) return true;
        if (["ENOTEMPTY", "EEXIST", "EBUSY"].includes(codeOf(error) ?? "")) return false;
        throw error;
      }
    },

    async removeTree(path) {
      try {
        await fs.rm(path, { recursive: true, force: true });
      } catch (error) {
        if (codeOf(error) !== "EACCES") throw error;
        await openFolders(path); // systemd keeps folders of mode 000 in a runtime folder
        await fs.rm(path, { recursive: true, force: true });
      }
    },

    rename: (from, to) => disk.rename(from, to),

    async makeLink(path, target) {
      try {
        await disk.symlink(target, path);
        return true;
      } catch (error) {
        if (isMissing(error) || codeOf(error) === "EEXIST") return false;
        throw error;
      }
    },

    async removeLink(path, target) {
      const aside = temporaryBeside(path);
      try {
        await disk.rename(path, aside);
      } catch (error) {
        if (isMissing(error)) return;
        throw error;
      }
      const found = await files.readLink(aside);
      if (found !== undefined && found !== target) await files.makeLink(path, found);
      await files.removeFile(aside);
    },
  };
  return files;
}

/** The file system of this machine. */
export const files = filesOn(disk);
