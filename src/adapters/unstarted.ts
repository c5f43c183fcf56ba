import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { join } from "node:path";

/** A program that was not started, as ExecResult has it. */
type Unstarted = { readonly kind: "not-found" } | { readonly kind: "not-started"; readonly why: string };

/** Processors by the number that an ELF file has for them (e_machine). */
const PROCESSORS: Readonly<Record<number, string>> = {
  3: "i386",
  22: "s390x",
  40: "arm",
  62: "x86_64",
  183: "aarch64",
  243: "riscv64",
};

/**
 * Why a program was not started. `error`: what spawning it threw; undefined where no folder of `path` has one that may be
 * executed. The kernel says "no such file" of a script whose interpreter is missing, and Bun of a missing working folder.
 */
export function whyNotStarted(
  program: string,
  { path, cwd }: { readonly path: string; readonly cwd: string | undefined },
  error: unknown,
): Unstarted {
  if (cwd !== undefined && !existsSync(cwd)) return because(`its working folder ${cwd} is not there`);
  const places = program.includes("/") ? [program] : path.split(":").map((folder) => join(folder, program));
  const file = Bun.which(program, { PATH: path }) ?? places.find((place) => existsSync(place));
  if (file === undefined) return { kind: "not-found" };
  const { code, message } = (error ?? { code: "EACCES", message: "" }) as { code?: string; message: string };
  switch (code) {
    case "EACCES":
      return because(`${file} may not be executed`);
    case "ENOENT":
      return because(`what runs ${file} is not there${missing(headOf(file))}`);
    case "ENOEXEC":
      return because(`${file} is no program of this machine${builtFor(headOf(file))}`);
    default:
      return because(message.replace(/, posix_spawn .*$/s, ""));
  }
}

function because(why: string): Unstarted {
  return { kind: "not-started", why };
}

/** The first bytes of a file, in which it says what it is; none where it cannot be read. */
function headOf(file: string): Buffer {
  const head = Buffer.alloc(256);
  try {
    const descriptor = openSync(file, "r");
    try {
      return head.subarray(0, readSync(descriptor, head));
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return head.subarray(0, 0);
  }
}

/** A script names its interpreter; a program its loader, of a C library that this machine does not have. */
function missing(head: Buffer): string {
  const interpreter = /^#!\s*(\S+)/.exec(head.toString("latin1"))?.[1];
  return interpreter === undefined ? ": a loader of another system" : `: ${interpreter}`;
}

function builtFor(head: Buffer): string {
  if (!head.toString("latin1").startsWith("\x7fELF") || head.length < 20) return "";
  const littleEndian = head[5] === 1;
  const machine = littleEndian ? head.readUInt16LE(18) : head.readUInt16BE(18);
  return `, but of one with another processor (${PROCESSORS[machine] ?? `ELF machine ${machine}`})`;
}
