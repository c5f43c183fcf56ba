import type { Exec, ExecResult } from "./exec.ts";
import type { ExitCode } from "./exit.ts";

/** What is at a path; symbolic links are not followed. */
export interface FileStatus {
  readonly kind: "file" | "folder" | "link" | "socket" | "other";
  /** Permission bits only, such as 0o644. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. */
  readonly size: number;
  /** When it was last written, in milliseconds since 1970. */
  readonly modified: number;
  /** When anything of it changed last, its name too, in milliseconds since 1970. */
  readonly changed: number;
}

/** What is left on a file system for those who are not root. Inodes are 0 of 0 where it has no fixed number of them. */
export interface Space {
  readonly freeBytes: number;
  readonly freeInodes: number;
  readonly inodes: number;
}

/** A file's new content, under a name of its own beside the file. */
export interface Prepared {
  /** Resolves when it is whole and outlasts a power loss. */
  readonly ready: Promise<void>;
  /** Has it take the file's place. */
  place(): Promise<void>;
  /** Only where nothing is, links included: says whether it did. */
  placeNew(): Promise<boolean>;
  /** Removes it, unless it has. */
  discard(): Promise<void>;
}

/** A file as it was, under a name of its own beside the file. */
export interface Aside {
  /** Brings it back, which takes no space. */
  restore(): Promise<void>;
  /** Removes it, unless it was brought back. */
  discard(): Promise<void>;
}

/** A file that is there, open to be changed where it lies. */
export interface OpenFile {
  /** Writes over what is at this byte, in one system call. */
  overwrite(at: number, text: string): Promise<void>;
  /** Has what was written outlast a power loss. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The file system, as far as this program uses it. Methods throw what the system says (ENOENT, EACCES …). */
export interface Files {
  /** The text of a file, or undefined when there is none. */
  read(path: string): Promise<string | undefined>;
  /** The texts of many files, in their order; undefined for one that is not there or cannot be read. */
  readEach(paths: readonly string[]): Promise<(string | undefined)[]>;
  /** Its bytes, where the text may be no text. `follows`: whether a link at the end is followed, true unless told; else it cannot be read. */
  readBytes(path: string, follows?: boolean): Promise<Uint8Array | undefined>;
  /**
   * Many files, in their order, each as it is without following a link; undefined for what is no file, is not there, or needs a
   * closer look, with status() and readBytes().
   */
  readFiles(
    paths: readonly string[],
  ): Promise<({ readonly status: FileStatus; readonly bytes: Uint8Array } | undefined)[]>;
  /** Its first bytes, fewer where it is shorter: what a program is, without reading all of it. */
  readStart(path: string, length: number): Promise<Uint8Array | undefined>;
  /** The status of a path, or undefined when nothing is there. */
  status(path: string): Promise<FileStatus | undefined>;
  /** As read(), without letting anything else go on: what the kernel says of one group in a few lines, where there are a thousand. */
  readNow(path: string): string | undefined;
  /** Names in a folder, sorted; empty when there is no such folder. */
  list(folder: string): Promise<string[]>;
  /** Writes whole or not at all: a temporary file beside it, fsync, rename, fsync of the folder. */
  writeAtomic(path: string, content: string | Uint8Array, mode: number): Promise<void>;
  /** As writeAtomic, but for the fsync of the folder: whether the file or the one before it outlasts a power loss is open until sync(). */
  replace(path: string, content: string | Uint8Array, mode: number): Promise<void>;
  /** The first half of replace, for many files at once: it has begun when this returns. */
  prepare(path: string, content: string | Uint8Array, mode: number): Prepared;
  /** Opens a file that is there, which no link at the end leads to. */
  open(path: string): Promise<OpenFile>;
  /** Keeps a file as it is now, under a name of its own beside it; undefined when nothing is there. */
  setAside(path: string): Promise<Aside | undefined>;
  /** Its bytes, piece by piece, where it may be too large to be read at once. Throws ENOENT when it is not there. */
  chunks(path: string): AsyncIterable<Uint8Array>;
  /** Writes a file that was not there, piece by piece, and has its content outlast a power loss. */
  writeNew(path: string, chunks: AsyncIterable<Uint8Array>, mode: number): Promise<void>;
  /** Another name for a file, as it is now: a hard link, or a copy where there are none. `as` was not there. */
  keep(path: string, as: string): Promise<void>;
  /** Has a file, or what was made, renamed and removed in a folder, outlast a power loss; nothing happens when it is not there. */
  sync(path: string): Promise<void>;
  /** Writes in place: for kernel files, which know no rename. */
  writeInPlace(path: string, text: string): Promise<void>;
  /** Makes a folder and its parents; returns those that were not there, outermost first. */
  makeFolder(path: string, mode?: number): Promise<string[]>;
  /** A new folder with a random name that starts with `prefix`, mode 0700. */
  makeTemporaryFolder(prefix: string): Promise<string>;
  /** Adds to the end of a file, which is made where there is none. */
  append(path: string, text: string): Promise<void>;
  chmod(path: string, mode: number): Promise<void>;
  /** Removes a file; nothing happens when it is not there. */
  removeFile(path: string): Promise<void>;
  /** Removes a folder if it is empty; says whether it is gone. */
  removeEmptyFolder(path: string): Promise<boolean>;
  /** Removes a folder with all that is in it. */
  removeTree(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Where a symbolic link points, or undefined when it cannot be read. */
  readLink(path: string): Promise<string | undefined>;
  /** Makes a symbolic link, whole or not at all; false when something is there, or its folder is not. */
  makeLink(path: string, target: string): Promise<boolean>;
  /** Removes a symbolic link, if it still has this target: not one that came into its place since it was looked at. */
  removeLink(path: string, target: string): Promise<void>;
  /** The path without links, or undefined when it leads nowhere. */
  realPath(path: string): Promise<string | undefined>;
  /** Whether two paths are one place, whatever links and mounts lead there. */
  samePlace(one: string, other: string): Promise<boolean>;
  /** The uid that a path belongs to, links followed; undefined when nothing is there. */
  ownerOf(path: string): Promise<number | undefined>;
  /** Whether this process may do that to what is there, links followed; a folder is entered by "execute". */
  allows(path: string, what: "read" | "write" | "execute"): Promise<boolean>;
  space(path: string): Promise<Space>;
}

export interface Output {
  readonly isTTY: boolean;
  readonly columns: number;
  readonly rows: number;
  /** Whether escape sequences for colour may be written. */
  readonly color: boolean;
  /** Aborted when it cannot be written any more: whoever read it went away (| head). A pipe is looked at from when this is asked for. */
  readonly gone: AbortSignal;
  write(text: string): void;
}

/** The whole of this program's terminal, to draw on: what was on it before is back when it is closed. */
export interface FullScreen {
  size(): { readonly columns: number; readonly rows: number };
  /** Shows these rows, as many as the screen has; what is longer than that is wide is cut off. A cursor only where one is given, from 0. */
  draw(rows: readonly string[], cursor: { readonly column: number; readonly row: number } | undefined): void;
  close(): void;
}

export interface ScreenEvents {
  /** A letter as it is typed, or up, down, left, right, home, end, pageup, pagedown; "" for another key. */
  key(key: string): void;
  /** The screen has another size, or has to be drawn again. */
  resized(): void;
}

/** What is handed to this program to read. */
export interface Input {
  readonly isTTY: boolean;
}

/** Runs a program at this program's own terminal, with no time-out: the user ends it. */
export type Foreground = (
  argv: readonly string[],
  options?: { readonly env?: Readonly<Record<string, string | undefined>> },
) => Promise<ExecResult>;

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
  /** The program that this process runs: mosaic-fleet itself, wherever it is. */
  readonly executable: string;
  /** What starts this program again; the arguments come next. More than one word where Bun runs it from its source. */
  readonly itself: readonly string[];
  /** The hardware as the kernel names it (uname -m): x86_64, aarch64 … */
  readonly machine: string;
  readonly exec: Exec;
  readonly foreground: Foreground;
  /** Starts a program that outlives the call, its output appended to `log`. */
  spawn(argv: readonly string[], options: { readonly log: string; readonly env: Record<string, string> }): Child;
  /** False when there is no such process, or it is not ours. */
  kill(pid: number, signal: "SIGKILL" | "SIGTERM" | "SIGUSR1"): boolean;
  readonly files: Files;
  /** Milliseconds on a clock that only goes forward. */
  now(): number;
  date(): Date;
  /** Resolves after a while, or as soon as `cancelled` is aborted; for time limits and between two looks at a condition. */
  pause(milliseconds: number, cancelled?: AbortSignal): Promise<void>;
  readonly stdin: Input;
  /**
   * All of what somebody has named, to its end: - is stdin, a pipe such as <(…) of a shell is waited for; undefined when there is no
   * such file. A signal meanwhile ends this process: it has begun nothing yet. Throws what the system says.
   */
  input(named: string): Promise<Uint8Array | undefined>;
  readonly stdout: Output;
  readonly stderr: Output;
  /** undefined where there is no terminal. */
  fullScreen(events: ScreenEvents): Promise<FullScreen | undefined>;
  /** Asks at the terminal, on stderr: whether yes was typed. undefined when there is no terminal to ask at. */
  ask(question: string): Promise<boolean | undefined>;
  /** Asks at the terminal, on stderr, for a line that is not shown. undefined when there is no terminal, or nothing was typed. */
  askSecret(question: string): Promise<string | undefined>;
  /** Asks at the terminal, on stderr, for one of these words; its first letter will do. undefined when there is no terminal, or no answer. */
  choose<T extends string>(question: string, answers: readonly T[]): Promise<T | undefined>;
  /** Aborted by Ctrl-C, SIGTERM or SIGHUP, with that as its reason: finish, clean up, go. */
  readonly interrupted: AbortSignal;
  /**
   * Waits for nothing more: this process ends soon, with this code, whatever is under way. A look at a folder that never answers
   * holds a thread, and two hold all that there are: what is written from here on needs none.
   */
  abandon(code: ExitCode): void;
}
