import { alike, installLines, type PackageNames } from "../adapters/packages.ts";
import { FleetError } from "../core/errors.ts";
import { describeResult, succeeded } from "../core/exec.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";

/** What there is to try where no manager can be had. */
export const HALF = "mosaic-fleet canary --level tmux   # only the tmux half, which needs none of it";

/** What is typed to install a package; nothing where the distribution is not known. */
export async function packageLines(host: Pick<Host, "files" | "user">, names: PackageNames): Promise<string[]> {
  const lines = await installLines(host, names);
  return host.user.uid === 0 ? lines : lines.map((line) => `sudo ${line}`);
}

/** Throws FleetError (69) without a tmux that runs: of that nothing can be tried. */
export async function requireTmux(host: Host): Promise<void> {
  const tmux = await host.exec(["tmux", "-V"]);
  if (succeeded(tmux)) return;
  const next = await packageLines(host, alike("tmux"));
  throw new FleetError(EXIT.unavailable, "The canary cannot run", describeResult(tmux), next);
}
