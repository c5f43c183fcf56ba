import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import type { Disk } from "../../src/adapters/disk.ts";

/**
 * kill: neither the call nor any after it happens; of a write, half of it does. power: so it is, and what was not synced
 * is lost. ENOSPC: from then on nothing new fits. EROFS: nothing changes any more. EACCES: nothing in this one folder.
 */
export type Fault = "kill" | "power" | "ENOSPC" | "EROFS" | "EACCES";

export interface FaultyDisk extends Disk {
  /** How many calls would have changed something. */
  calls(): number;
  /** What the call of this number was. */
  call(at: number): string | undefined;
  /** Resolves when a kill or a power loss has come. */
  readonly gone: Promise<void>;
  /** After a power loss: loses what was not synced, in folders that `lost` says. */
  lose(lost: (folder: string) => boolean): void;
}

/** A disk on which call number `at` meets a fault. */
export function faultyDisk(real: Disk, fault: Fault, at: number): FaultyDisk {
  const calls: string[] = [];
  let broken: string | undefined;
  let dead = false;
  let announce = () => {};
  const gone = new Promise<void>((resolve) => {
    announce = resolve;
  });
  const open = new Set<{ close(): Promise<void> }>();
  const unsynced = new Set<string>();
  /** Of a name in its folder, or of the content of a file. */
  let journal: { readonly path: string; readonly of: "name" | "content"; readonly undo: () => void }[] = [];
  const note = (path: string, undo: () => void, of: "name" | "content" = "name") => journal.push({ path, of, undo });

  // What is written over takes space, too, where a file system copies on write.
  const makes = new Set(["create", "write", "overwrite", "mkdir", "symlink", "link"]);
  /** Before each call: counts it, and strikes where it is due. */
  async function pass(call: string, path: string, half?: () => Promise<void>): Promise<void> {
    if (dead) return new Promise(() => {});
    const due = calls.push(call) === at + 1;
    if (due) broken = dirname(path);
    if (due && (fault === "kill" || fault === "power")) {
      dead = true;
      await half?.();
      for (const file of open) await file.close(); // as the kernel does
      announce();
      return new Promise(() => {});
    }
    if (broken === undefined || fault === "kill" || fault === "power") return;
    if (fault === "ENOSPC" && !makes.has(call)) return;
    // A file that is open stays so.
    if (fault === "EACCES" && (broken !== dirname(path) || call === "overwrite")) return;
    await half?.();
    throw Object.assign(new Error(`${fault}: by the test, ${call} '${path}'`), { code: fault });
  }

  return {
    async create(path, mode) {
      await pass("create", path);
      const file = await real.create(path, mode);
      open.add(file);
      unsynced.add(path);
      note(path, () => rmSync(path, { force: true }));
      return {
        async write(content) {
          await pass("write", path, () => file.write(content.slice(0, content.length / 2)));
          return file.write(content);
        },
        async chmod(mode) {
          await pass("fchmod", path);
          return file.chmod(mode);
        },
        async sync() {
          await pass("fsync", path);
          await file.sync();
          unsynced.delete(path);
        },
        async close() {
          if (open.delete(file) && !dead) await file.close();
        },
      };
    },
    async open(path) {
      const file = await real.open(path);
      open.add(file);
      return {
        async overwrite(at, text) {
          await pass("overwrite", path, () => file.overwrite(at, text.slice(0, text.length / 2)));
          const restore = overwriter(path, at, text.length);
          await file.overwrite(at, text);
          note(path, restore, "content");
        },
        async sync() {
          await pass("fsync", path);
          await file.sync();
          journal = journal.filter((entry) => entry.path !== path || entry.of !== "content");
        },
        async close() {
          if (open.delete(file) && !dead) await file.close();
        },
      };
    },
    async sync(path) {
      await pass("sync", path);
      await real.sync(path);
      unsynced.delete(path);
      journal = journal.filter((entry) => dirname(entry.path) !== path || entry.of !== "name");
    },
    async rename(from, to) {
      await pass("rename", to);
      const restore = keeper(to);
      await real.rename(from, to);
      if (unsynced.delete(from)) unsynced.add(to);
      note(to, () => {
        renameSync(to, from);
        restore();
      });
    },
    async chmod(path, mode) {
      await pass("chmod", path);
      return real.chmod(path, mode);
    },
    async mkdir(path, mode) {
      await pass("mkdir", path);
      await real.mkdir(path, mode);
      note(path, () => rmSync(path, { recursive: true, force: true }));
    },
    async rmdir(path) {
      await pass("rmdir", path);
      await real.rmdir(path);
      note(path, () => mkdirSync(path));
    },
    async unlink(path) {
      await pass("unlink", path);
      const restore = keeper(path);
      await real.unlink(path);
      note(path, restore);
    },
    async symlink(target, path) {
      await pass("symlink", path);
      await real.symlink(target, path);
      note(path, () => rmSync(path, { force: true }));
    },
    async link(from, to) {
      await pass("link", to);
      await real.link(from, to);
      note(to, () => rmSync(to, { force: true }));
    },
    calls: () => calls.length,
    call: (at) => calls[at],
    gone,
    lose(lost) {
      for (const path of unsynced) if (lost(dirname(path)) && keeper(path) !== nothing) writeFileSync(path, "");
      for (const { path, undo } of journal.toReversed()) {
        if (!lost(dirname(path))) continue;
        try {
          undo();
        } catch {
          // its folder is lost, too
        }
      }
    },
  };
}

const nothing = () => {};

/** What puts a file or a link back as it is now. */
function keeper(path: string): () => void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return nothing;
  if (stat.isSymbolicLink()) {
    const target = readlinkSync(path);
    return () => symlinkSync(target, path);
  }
  const bytes = readFileSync(path);
  return () => writeFileSync(path, bytes, { mode: stat.mode & 0o7777 });
}

/** What puts back a part of a file, unless another has taken its place. */
function overwriter(path: string, at: number, length: number): () => void {
  const { ino } = lstatSync(path);
  const bytes = Buffer.alloc(length);
  const opened = openSync(path, "r");
  readSync(opened, bytes, 0, length, at);
  closeSync(opened);
  return () => {
    if (lstatSync(path).ino !== ino) return;
    const whole = readFileSync(path);
    whole.set(bytes, at);
    writeFileSync(path, whole);
  };
}
