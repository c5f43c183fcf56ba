import { join } from "node:path";
import type { Host } from "../core/host.ts";
import { pathsOf } from "../core/paths.ts";

/** What the holder's start script recorded about the server that it founded. */
export interface HolderRecord {
  readonly pid: number;
  readonly socketName: string;
  /** Where the server is reached (tmux -S), whatever this shell's TMUX_TMPDIR is. */
  readonly socketPath: string;
}

/** undefined without a running holder, and where it cannot be read. */
export async function readHolderRecord(host: Pick<Host, "env" | "user" | "files">): Promise<HolderRecord | undefined> {
  const { runtime } = pathsOf(host);
  if (runtime === undefined) return undefined;
  const folder = join(runtime, "mosaic-tmux-holder");
  const [pid, socket] = await Promise.all(["pid", "socket"].map((name) => host.files.read(join(folder, name))));
  const [socketName, socketPath] = (socket ?? "").split("\n");
  if (!socketName || !socketPath?.startsWith("/") || !/^\d+\n?$/.test(pid ?? "")) return undefined;
  return { pid: Number(pid), socketName, socketPath };
}
