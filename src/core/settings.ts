import { join } from "node:path";
import { assignedValue, parseEnvFile } from "./env-file.ts";
import type { Host } from "./host.ts";
import { DEFAULT_SOCKET } from "./names.ts";
import { pathsOf } from "./paths.ts";

/** The socket name of the holder: what fleet.env says, else the built-in one. */
export async function fleetSocket(host: Pick<Host, "env" | "user" | "files">): Promise<string> {
  const text = await host.files.read(join(pathsOf(host).site, "fleet.env"));
  return assignedValue(parseEnvFile(text ?? ""), "MOSAIC_TMUX_SOCKET") ?? DEFAULT_SOCKET;
}
