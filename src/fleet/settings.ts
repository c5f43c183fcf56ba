import { join } from "node:path";
import { parseEnvFile, valueOf } from "../core/env-file.ts";
import type { Host } from "../core/host.ts";
import { DEFAULT_SOCKET } from "../core/names.ts";
import { pathsOf } from "../core/paths.ts";

/** The socket name of the holder: what fleet.env says, else the built-in one. */
export async function fleetSocket(host: Pick<Host, "env" | "user" | "files">): Promise<string> {
  const text = await host.files.read(join(pathsOf(host).site, "fleet.env"));
  return valueOf(parseEnvFile(text ?? ""), "MOSAIC_TMUX_SOCKET") ?? DEFAULT_SOCKET;
}
