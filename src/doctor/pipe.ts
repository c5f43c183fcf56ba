import { moveAside, shellPath } from "../core/shell.ts";

/**
 * What moves aside a pipe that stands in the place of a file, and lets go who waits at it: whoever opens it for writing does. Where
 * nobody waits, that would wait itself.
 */
export function pipeAside(path: string, home: string, suffix: string): string {
  return `timeout 1 tee ${shellPath(path, home)} </dev/null; ${moveAside(path, suffix)}   # who waits at it goes on`;
}
