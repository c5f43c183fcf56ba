import { socketPath } from "../adapters/tmux.ts";
import { shellWord } from "../core/shell.ts";
import type { Tools } from "./tools.ts";

/** The start of a tmux command, as this shell has to type it to reach the fleet's server. */
export async function fleetTmux({ host, holderRecord, server }: Tools): Promise<string> {
  const record = await holderRecord();
  const path = record?.socketPath ?? (await server())?.socketPath ?? "";
  if (record === undefined) return `tmux -S ${shellWord(path)}`;
  // Another TMUX_TMPDIR than the manager's leads -L elsewhere.
  const [named, real] = await Promise.all(
    [await socketPath(host, record.socketName), path].map((each) => host.files.realPath(each)),
  );
  return named !== undefined && named === real ? `tmux -L ${record.socketName}` : `tmux -S ${shellWord(path)}`;
}
