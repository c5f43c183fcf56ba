import type { Exec } from "./exec.ts";

/** What is at a path; symbolic links are not followed. */
export interface FileStatus {
  readonly kind: "file" | "folder" | "link" | "socket" | "other";
  /** Permission bits only, such as 0o644. */
  readonly mode: number;
  readonly uid: number;
}

/** The file system, as far as this program uses it. Methods throw what the system says (ENOENT, EACCES …). */
export interface Files {
  /** The text of a file, or undefined when there is none. */
  read(path: string): Promise<string | undefined>;
  /** The status of a path, or undefined when nothing is there. */
  status(path: string): Promise<FileStatus | undefined>;
  /** Names in a folder, sorted; empty when there is no such folder. */
  list(folder: string): Promise<string[]>;
  /** Writes whole or not at all: a temporary file beside it, fsync, rename, fsync of the folder. */
  writeAtomic(path: string, text: string, mode: number): Promise<void>;
  /** Writes in place: for kernel files, which know no rename. */
  writeInPlace(path: string, text: string): Promise<void>;
  /** Makes a folder and its parents; returns those that were not there, outermost first. */
  makeFolder(path: string, mode?: number): Promise<string[]>;
  /** A new folder with a random name that starts with `prefix`, mode 0700. */
  makeTemporaryFolder(prefix: string): Promise<string>;
  chmod(path: string, mode: number): Promise<void>;
  /** Removes a file; nothing happens when it is not there. */
  removeFile(path: string): Promise<void>;
  /** Removes a folder if it is empty; says whether it is gone. */
  removeEmptyFolder(path: string): Promise<boolean>;
  /** Removes a folder with all that is in it. */
  removeTree(path: string): Promise<void>;
  /** Where a symbolic link points, or undefined when it cannot be read. */
  readLink(path: string): Promise<string | undefined>;
}

export interface Output {
  readonly isTTY: boolean;
  readonly columns: number;
  /** Whether escape sequences for colour may be written. */
  readonly color: boolean;
  write(text: string): void;
}

export interface User {
  readonly uid: number;
  readonly name: string;
  /** The home folder that applies: $HOME, else the passwd entry. */
  readonly home: string;
}

/** A long-running child that its starter ends. */
export interface Child {
  readonly pid: number;
  /** Resolves when the child has ended. */
  readonly ended: Promise<void>;
}

/** Everything outside this program comes in through here; tests hand in another. */
export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly user: User;
  readonly pid: number;
  readonly exec: Exec;
  /** Starts a program that outlives the call, its output appended to `log`. */
  spawn(argv: readonly string[], options: { readonly log: string; readonly env: Record<string, string> }): Child;
  kill(pid: number, signal: "SIGKILL" | "SIGTERM"): boolean;
  readonly files: Files;
  /** Milliseconds on a clock that only goes forward. */
  now(): number;
  date(): Date;
  /** Resolves after a while, or as soon as `cancelled` is aborted; for time limits and between two looks at a condition. */
  pause(milliseconds: number, cancelled?: AbortSignal): Promise<void>;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Aborted by Ctrl-C or SIGTERM: finish, clean up, go. */
  readonly interrupted: AbortSignal;
}
