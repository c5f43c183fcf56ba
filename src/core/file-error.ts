import { dirname } from "node:path";
import { shellWord } from "./shell.ts";

/** What shows which folders below this one, as a shell takes it, are the largest. */
export function largestIn(folder: string): string {
  return `du -xh -d 2 ${folder} 2>/dev/null | sort -h | tail -n 20`;
}

/**
 * What to type when the file system has refused something: where to look why, by the error's code, and the command
 * again, if it is given. `place` is a path on that file system, for an error that names none.
 */
export function afterFileError(error: unknown, place: string, again?: string): string[] {
  const { code, path, dest } = (error ?? {}) as { code?: string; path?: unknown; dest?: unknown };
  const named = [dest, path].find((each) => typeof each === "string");
  const where = shellWord(named ?? place);
  const disk = shellWord(named === undefined ? place : dirname(named)); // it may not be there itself
  const next = again === undefined ? [] : [again];
  switch (code) {
    case "ENOSPC":
      return [`df -h ${disk}   # make room there`, ...next];
    case "EDQUOT":
      return [`${largestIn("~")}   # your quota is used up, whatever df says: make room`, ...next];
    case "EROFS":
      return [`findmnt --target ${disk}   # why can it only be read?`, ...next];
    case "EACCES":
    case "EPERM":
      return [`namei -l ${where}   # whose is what, and who may use it?`, ...next];
    case "EEXIST":
    case "ENOENT":
    case "ENOTDIR":
    case "ELOOP":
      return [`namei -l ${where}   # what is in the way?`, ...next];
    default:
      return code === undefined ? [] : next;
  }
}

const WORDS: readonly (readonly [said: RegExp, code: string])[] = [
  [/No space left on device/, "ENOSPC"],
  [/Disk quota exceeded/, "EDQUOT"],
  [/Read-only file system/, "EROFS"],
  [/Permission denied|Operation not permitted/, "EACCES"],
];

/** The error that a program has met, out of its own words (in LC_ALL=C.UTF-8): as one of the file system; EIO for any other. */
export function fileErrorIn(said: string): { readonly code: string } {
  return { code: WORDS.find(([words]) => words.test(said))?.[1] ?? "EIO" };
}
