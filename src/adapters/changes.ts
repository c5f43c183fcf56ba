import { type FSWatcher, watch } from "node:fs";

/**
 * Tells of each write to a file, as the kernel does (inotify), and when it is gone: a terminal is one, and what is written to it is what
 * a program prints. Where the kernel tells nothing, nor does this. Returns what ends it.
 */
export function onWrites(path: string, told: () => void): () => void {
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(path, told).on("error", told);
  } catch {
    // gone already, or the user has no watches left
  }
  return () => watcher?.close();
}
