import * as fs from "node:fs";
import type { OpenFile } from "../core/host.ts";

/** Not by way of node:util, which takes a millisecond of every start to load. */
function fsync(file: number): Promise<void> {
  return new Promise((resolve, reject) => fs.fsync(file, (error) => (error ? reject(error) : resolve())));
}

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
  /** A file that is there; no link at the end is followed. */
  open(path: string): Promise<OpenFile>;
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

/** The disk of this machine. What changes a name or fills a cache is done at once: on another thread it takes ten times as long. */
export const disk: Disk = {
  async create(path, mode) {
    const file = fs.openSync(path, "wx", mode);
    return {
      write: async (content) => fs.writeFileSync(file, content),
      chmod: async (mode) => fs.fchmodSync(file, mode),
      sync: () => fsync(file),
      close: async () => fs.closeSync(file),
    };
  },
  async open(path) {
    const { O_WRONLY, O_NOFOLLOW } = fs.constants;
    const file = fs.openSync(path, O_WRONLY | O_NOFOLLOW);
    return {
      overwrite: async (at, text) => void fs.writeSync(file, text, at),
      sync: () => fsync(file),
      close: async () => fs.closeSync(file),
    };
  },
  async sync(path) {
    const file = fs.openSync(path, fs.constants.O_RDONLY);
    try {
      await fsync(file);
    } finally {
      fs.closeSync(file);
    }
  },
  rename: async (from, to) => fs.renameSync(from, to),
  chmod: async (path, mode) => fs.chmodSync(path, mode),
  mkdir: async (path, mode) => void fs.mkdirSync(path, mode),
  rmdir: async (path) => fs.rmdirSync(path),
  unlink: async (path) => fs.unlinkSync(path),
  symlink: async (target, path) => fs.symlinkSync(target, path),
  link: async (from, to) => fs.linkSync(from, to),
};
