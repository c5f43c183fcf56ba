import { tasksLeft } from "../adapters/cgroup.ts";
import type { Mount } from "../adapters/mounts.ts";
import { alike, installLines, type PackageNames } from "../adapters/packages.ts";
import { procfsOf } from "../adapters/procfs.ts";
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

/** What a run may take at once: one failed at 32 open files in this program, and at 30 processes and threads of its user. */
const TAKES = { files: 128, tasks: 100 };

/** What a run takes on its memory file system: 2.9 MB and 180 inodes were seen, half of it the journal, which takes less. */
export const ROOM = { bytes: 4 * 2 ** 20, inodes: 400 };

/** Whether a run would not fail for want of room there, which says nothing about the fleet. */
export async function hasRoom(
  host: Pick<Host, "files">,
  folder: string,
  mount: Pick<Mount, "options"> | undefined,
): Promise<boolean> {
  const { freeBytes, freeInodes, inodes } = await host.files.space(folder);
  // One without a limit has no number of what is left.
  const unlimited = mount?.options.includes("size=0k") ?? false;
  return (unlimited || freeBytes >= ROOM.bytes) && (inodes === 0 || freeInodes >= ROOM.inodes);
}

/** Throws FleetError (69) without a tmux that runs, terminals for its panes, and room for all that: then nothing can be tried. */
export async function requireBasics(host: Host): Promise<void> {
  await requireLimits(host);
  const tmux = await host.exec(["tmux", "-V"]);
  if (!succeeded(tmux)) throw missing(describeResult(tmux), await packageLines(host, alike("tmux")));
  if ((await host.files.realPath("/dev/ptmx")) === undefined)
    throw missing("there are no pseudo-terminals: /dev/ptmx leads nowhere", ["mount -t devpts devpts /dev/pts"]);
}

function missing(why: string, next: readonly string[]): FleetError {
  return new FleetError(EXIT.unavailable, "The canary cannot run", why, next);
}

/** At a limit a promise would look broken that is kept. */
async function requireLimits(host: Host): Promise<void> {
  const limits = (await host.files.read("/proc/self/limits")) ?? "";
  const limitOf = (name: string) =>
    Number(new RegExp(`^${name} +(\\d+)`, "m").exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  const files = limitOf("Max open files");
  if (files < TAKES.files)
    throw missing(`only ${files} files may be open at once (ulimit -n): it takes ${TAKES.files}`, [
      `ulimit -n ${TAKES.files}   # refused where the hard limit is lower: then as root, or where this container is started`,
    ]);
  // Of root's processes only the cgroups are limited.
  const most = host.user.uid === 0 ? Number.POSITIVE_INFINITY : limitOf("Max processes");
  const own = Number.isFinite(most) ? most - (await procfsOf(host).tasksOf(host.user.uid)) : most;
  if (own < TAKES.tasks)
    throw missing(
      `user ${host.user.name} may have ${most} processes and threads (ulimit -u), of which ${Math.max(0, own)} are left: it takes ${TAKES.tasks}`,
      [`ulimit -u ${most - own + TAKES.tasks}   # refused where the hard limit is lower: then as root`],
    );
  const { group, left } = await tasksLeft(host);
  if (left < TAKES.tasks)
    throw missing(
      `the cgroup ${group} has room for ${left} processes and threads (pids.max): it takes ${TAKES.tasks}`,
      [`sh -c 'echo max >${group}/pids.max'   # as root; a container has it of who starts it (docker: --pids-limit)`],
    );
}
