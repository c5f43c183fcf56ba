import { fstatSync } from "node:fs";

/** Between two looks, in milliseconds: nothing that costs next to nothing tells of it. */
const LOOK_MS = 500;

// struct pollfd, little-endian: the descriptor, what is asked (nothing), what is so.
const POLLERR = 0x8;
const POLLHUP = 0x10;

/**
 * Tells once when nobody reads this pipe any more (| head), though nothing is written to it. It keeps no program running. Where
 * this machine's C library cannot be called it does not tell: then a write fails.
 */
export async function whenUnread(descriptor: number, tell: () => void): Promise<void> {
  const status = fstatSync(descriptor);
  if (!status.isFIFO() && !status.isSocket()) return;
  const { dlopen } = await import("bun:ffi");
  // musl takes this name for its own, too.
  const { symbols } = dlopen("libc.so.6", { poll: { args: ["ptr", "u64", "i32"], returns: "i32" } });
  const asked = new Int16Array(4);
  new Int32Array(asked.buffer)[0] = descriptor;
  const looking = setInterval(() => {
    if (symbols.poll(asked, 1, 0) < 1 || ((asked[3] ?? 0) & (POLLERR | POLLHUP)) === 0) return;
    clearInterval(looking);
    tell();
  }, LOOK_MS);
  looking.unref();
}
