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

/** Throws FleetError (69) without a tmux that runs, and terminals for its panes: then nothing can be tried. */
export async function requireTmux(host: Host): Promise<void> {
  const missing = (why: string, next: readonly string[]) =>
    new FleetError(EXIT.unavailable, "The canary cannot run", why, next);
  const tmux = await host.exec(["tmux", "-V"]);
  if (!succeeded(tmux)) throw missing(describeResult(tmux), await packageLines(host, alike("tmux")));
  if ((await host.files.realPath("/dev/ptmx")) === undefined)
    throw missing("there are no pseudo-terminals: /dev/ptmx leads nowhere", ["mount -t devpts devpts /dev/pts"]);
}
