import { type FSWatcher, watch } from "node:fs";

export interface Writes {
  /** False where the kernel does not tell: the file is gone, or the user's watches are used up. */
  told(): boolean;
  end(): void;
}

/**
 * Tells of each write to a file, as the kernel does (inotify), and once when it is gone: a terminal is one, and what is written to it
 * is what a program prints.
 */
export function onWrites(path: string, tell: () => void): Writes {
  let watcher: FSWatcher | undefined;
  const lost = () => {
    watcher?.close();
    watcher = undefined;
    tell();
  };
  try {
    watcher = watch(path, (event) => (event === "rename" ? lost() : tell())).on("error", lost);
  } catch {
    // so it is not told
  }
  return { told: () => watcher !== undefined, end: () => watcher?.close() };
}
