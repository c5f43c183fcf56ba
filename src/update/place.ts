import { basename, dirname, join } from "node:path";
import { FleetError } from "../core/errors.ts";
import { succeeded } from "../core/exec.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { moveAside, shellPath } from "../core/shell.ts";

const PROGRAM = "mosaic-fleet";

/** The binary that is replaced, and the one before it, which lies beside it. */
export interface Place {
  readonly path: string;
  readonly previous: string;
  readonly folder: string;
  /** Whether the one that runs is the one before. */
  readonly runsPrevious: boolean;
}

/** Where the binary that runs is. Throws FleetError with what to type where it is not ours to replace. */
export async function placeOf(host: Host): Promise<Place> {
  const { executable, user, files } = host;
  const gone = /^(.*\/mosaic-fleet(?:\.previous)?) \(deleted\)$/s.exec(executable)?.[1]; // as the kernel calls it then
  if (gone !== undefined)
    throw refusal(`${gone} was removed or replaced since this was started`, await afresh(host, gone));
  const name = basename(executable);
  const shown = shellPath(executable, user.home);
  const install = `install -D -m 755 ${shown} ~/.local/bin/${PROGRAM}`;
  if (name !== PROGRAM && name !== `${PROGRAM}.previous`)
    throw refusal(`it runs as ${executable}, which is not an installed ${PROGRAM}`, [install]);
  const folder = dirname(executable);
  const path = join(folder, PROGRAM);
  const link = await linkTo(host, path);
  if (link !== undefined)
    throw refusal(`${link} is a link to ${path}: whatever made the link brings it up to date`, [
      `cp --remove-destination ${shellPath(path, user.home)} ${shellPath(link, user.home)}   # a copy of its own, that can be`,
    ]);
  await mustNotBePackaged(host, path);
  const status = await files.status(path);
  if (status !== undefined && status.uid !== user.uid) {
    const as = status.uid === 0 ? "sudo" : `sudo -u '#${status.uid}'`;
    throw refusal(`${path} belongs to ${status.uid === 0 ? "root" : `another user (uid ${status.uid})`}`, [
      `${as} ${shellPath(path, user.home)} self-update`,
    ]);
  }
  if (!(await files.allows(folder, "write")))
    throw refusal(`${folder} cannot be written`, [
      `ls -ld ${shellPath(folder, user.home)}   # whose is it?`,
      `findmnt --target ${shellPath(folder, user.home)}   # or can it only be read?`,
      ...(folder === join(user.home, ".local/bin") ? [] : [install]),
    ]);
  return { path, previous: `${path}.previous`, folder, runsPrevious: name !== PROGRAM };
}

async function afresh({ files, user }: Host, path: string): Promise<string[]> {
  const isThere = (await files.status(path)) !== undefined;
  return [isThere ? `${shellPath(path, user.home)} --version   # is another now` : "sh install.sh   # of the release"];
}

/**
 * Whether a binary from before lies beside it. Throws FleetError where something else does, or one that another user has put
 * there: it would be lost, or be run.
 */
export async function hasPrevious(host: Host, { previous }: Place): Promise<boolean> {
  const status = await host.files.status(previous);
  if (status === undefined) return false;
  if (status.kind === "file" && status.uid === host.user.uid) return true;
  const what =
    status.kind === "file"
      ? `belongs to uid ${status.uid}`
      : `is a ${status.kind === "other" ? "device" : status.kind}`;
  throw refusal(`${previous} ${what}, and the binary from before is to be there`, [moveAside(previous, "yours")]);
}

function refusal(why: string, next: readonly string[]): FleetError {
  return new FleetError(EXIT.cantcreate, "This binary cannot be replaced", why, next);
}

/** The link by which the shell finds it, where it finds it by one. */
async function linkTo({ env, files }: Host, path: string): Promise<string | undefined> {
  for (const folder of (env.PATH ?? "").split(":").filter((each) => each.startsWith("/"))) {
    const found = join(folder, PROGRAM);
    const status = await files.status(found).catch(() => undefined);
    if (status === undefined) continue;
    if (status.kind === "link") return (await files.samePlace(found, path)) ? found : undefined;
    return undefined;
  }
  return undefined;
}

/** What the system's packages have put there they would put back. */
async function mustNotBePackaged(host: Host, path: string): Promise<void> {
  const asked = await host.exec(["dpkg-query", "--search", path]);
  const own = "sh install.sh   # of the release, for a copy of your own in ~/.local/bin";
  if (succeeded(asked)) {
    const name = asked.stdout.split(":")[0] ?? PROGRAM;
    throw refusal(`${path} belongs to the package ${name}`, [
      `sudo apt-get install ./${PROGRAM}_VERSION_${host.machine === "aarch64" ? "arm64" : "amd64"}.deb   # of the release`,
      own,
    ]);
  }
  if (/^\/(?:usr\/(?!local\/)|bin\/|sbin\/|nix\/|gnu\/|snap\/)/.test(path))
    throw refusal(`${path} is where the system's packages are: they bring it up to date`, [own]);
}
