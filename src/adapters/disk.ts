import { constants } from "node:fs";
import * as fs from "node:fs/promises";

/** A new file that is being written. */
export interface NewFile {
  write(content: string | Uint8Array): Promise<void>;
  chmod(mode: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * What changes a disk: one system call a method, so that a test can stop the world between any two. Throws what the
 * system says.
 */
export interface Disk {
  /** A file that was not there (O_EXCL). */
  create(path: string, mode: number): Promise<NewFile>;
  /** Has what is at a path, a file or a folder, outlast a power loss. */
  sync(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  chmod(path: string, mode: number): Promise<void>;
  mkdir(path: string, mode: number): Promise<void>;
  rmdir(path: string): Promise<void>;
  unlink(path: string): Promise<void>;
  symlink(target: string, path: string): Promise<void>;
  /** A hard link. */
  link(from: string, to: string): Promise<void>;
}

/** The disk of this machine. */
export const disk: Disk = {
  async create(path, mode) {
    const handle = await fs.open(path, "wx", mode);
    return {
      write: (content) => handle.writeFile(content),
      chmod: (mode) => handle.chmod(mode),
      sync: () => handle.sync(),
      close: () => handle.close(),
    };
  },
  async sync(path) {
    const handle = await fs.open(path, constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  rename: (from, to) => fs.rename(from, to),
  chmod: (path, mode) => fs.chmod(path, mode),
  mkdir: async (path, mode) => void (await fs.mkdir(path, mode)),
  rmdir: (path) => fs.rmdir(path),
  unlink: (path) => fs.unlink(path),
  symlink: (target, path) => fs.symlink(target, path),
  link: (from, to) => fs.link(from, to),
};
