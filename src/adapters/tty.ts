import { closeSync, constants, openSync } from "node:fs";

/** What a terminal does with what is typed, and what of that no program has read yet. */
export interface TerminalInput {
  /** Bytes that a read would give; where it reads lines, those of whole lines only. */
  readonly unread: number;
  /** The program gets whole lines, as the kernel has edited them; of a longer one than LONGEST_LINE the rest is lost. */
  readonly lines: boolean;
  /** The kernel itself shows there what is typed. */
  readonly echo: boolean;
}

/** Bytes that the kernel keeps of one line: N_TTY_BUF_SIZE, less one for its end. */
export const LONGEST_LINE = 4_095;

// asm-generic/ioctls.h: the same on x86-64 and arm64.
const TCGETS = 0x5401;
const FIONREAD = 0x541b;
/** Of struct termios: the fourth word. */
const LOCAL_FLAGS = 3;
const ICANON = 0x2;
const ECHO = 0x8;

type Ioctl = (descriptor: number, request: number, argument: Int32Array | Uint32Array) => number;

/** Looks at a terminal, and neither reads nor changes anything: undefined where that is not ours, or gone. */
export type TerminalProbe = (path: string) => TerminalInput | undefined;

/** undefined where this machine's C library cannot be called: no built-in module asks a terminal that. */
export async function terminalProbe(): Promise<TerminalProbe | undefined> {
  const ioctl = await libcIoctl();
  if (ioctl === undefined) return undefined;
  return (path) => {
    let descriptor: number;
    try {
      descriptor = openSync(path, constants.O_RDONLY | constants.O_NOCTTY | constants.O_NONBLOCK);
    } catch {
      return undefined;
    }
    try {
      const unread = new Int32Array(1);
      const settings = new Uint32Array(16); // struct termios has 36 bytes
      if (ioctl(descriptor, FIONREAD, unread) !== 0 || ioctl(descriptor, TCGETS, settings) !== 0) return undefined;
      const flags = settings[LOCAL_FLAGS] ?? 0;
      return { unread: unread[0] ?? 0, lines: (flags & ICANON) !== 0, echo: (flags & ECHO) !== 0 };
    } finally {
      closeSync(descriptor);
    }
  };
}

async function libcIoctl(): Promise<Ioctl | undefined> {
  try {
    const { dlopen } = await import("bun:ffi");
    // musl takes this name for its own, too.
    const { symbols } = dlopen("libc.so.6", { ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" } });
    return symbols.ioctl;
  } catch {
    return undefined;
  }
}
