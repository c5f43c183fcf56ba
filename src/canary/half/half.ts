import { join } from "node:path";
import { mountOf, mountsOf } from "../../adapters/mounts.ts";
import { alike } from "../../adapters/packages.ts";
import { type Procfs, procfsOf } from "../../adapters/procfs.ts";
import { type Tmux, tmuxOf } from "../../adapters/tmux.ts";
import { FleetError } from "../../core/errors.ts";
import { describeResult, type ExecResult } from "../../core/exec.ts";
import { EXIT } from "../../core/exit.ts";
import type { Host } from "../../core/host.ts";
import { CANARY_PREFIX, DEFAULT_SOCKET, SANDBOX_PREFIX } from "../../core/names.ts";
import { pathsOf } from "../../core/paths.ts";
import { shellWord } from "../../core/shell.ts";
import { ownedFiles } from "../../install/assets.ts";
import { plantUserConfig } from "../bait.ts";
import { type Cage, clearLeftovers, endCage, writeOwner } from "../cage.ts";
import { rememberDefaultServer } from "../fleet.ts";
import { BROKEN_STATUS, CANARY_PROGRAM, DIFFICULT } from "../parts.ts";
import { hasRoom, packageLines, ROOM, requireBasics } from "../requires.ts";
import { hostInside } from "../sandbox.ts";
import type { DefaultServer, ThrowawayAgent } from "../step.ts";

/**
 * What the steps of the tmux half work on: the fleet's own scripts and its tmux server, with a home and a runtime folder
 * of their own, and no systemd. The scripts are run as the units would, with what these would have in their environment.
 */
export interface Half {
  readonly host: Host;
  /** As a Fleet is: the home folder is the canary's. */
  readonly sandboxed: true;
  readonly tmux: Tmux;
  readonly procfs: Procfs;
  readonly agents: Readonly<Record<HalfPart, HalfAgent>>;
  readonly secret: string;
  /** What whoever founds the server has in all its variables, and no agent may have. */
  readonly mark: string;
  readonly defaultServer: DefaultServer;
}

/** The agents by what they are there for; the name of `second` has the one of `first` as its prefix. */
const HALF_PARTS = ["first", "second", "path", "reader", "ending"] as const;
export type HalfPart = (typeof HALF_PARTS)[number];

export interface HalfAgent extends ThrowawayAgent {
  /** What its unit would have as RUNTIME_DIRECTORY. */
  readonly state: string;
  /** What its unit would have from files. */
  readonly settings: Readonly<Record<string, string>>;
}

/** A socket's path holds 107 bytes, and below a place come a folder's name, tmux's folder and the socket's name. */
const LONGEST_PLACE = 40;

/** Where a folder of ours can be made. Throws FleetError (69) where nowhere. */
async function placeFor(host: Host): Promise<string> {
  const places = [pathsOf(host).runtime, "/dev/shm", "/tmp", host.env.TMPDIR];
  const mounts = await mountsOf(host);
  const full: string[] = [];
  for (const place of places) {
    if (!place?.startsWith("/") || place.length > LONGEST_PLACE) continue;
    const shared = place === "/dev/shm" || place === "/tmp";
    const ours = shared || (await host.files.ownerOf(place)) === host.user.uid;
    if (!(ours && (await host.files.allows(place, "write")))) continue;
    if (await hasRoom(host, place, mountOf(mounts, place))) return place;
    full.push(place);
  }
  if (full.length > 0)
    throw missing(`too little room is left in ${full.join(", ")}: it takes ${ROOM.bytes / 2 ** 20} MiB`, [
      "export TMPDIR=/a/short/folder",
    ]);
  throw missing("no folder for a socket can be written: not $XDG_RUNTIME_DIR, /dev/shm, /tmp or $TMPDIR", [
    "export TMPDIR=/a/short/folder",
  ]);
}

function missing(why: string, next: readonly string[]): FleetError {
  return new FleetError(EXIT.unavailable, "The tmux half cannot be tried here", why, next);
}

/** What the scripts call. Throws FleetError (69) for what is not there. */
async function requireTools(host: Host): Promise<void> {
  await requireBasics(host);
  const tools = { flock: "util-linux", timeout: "coreutils" };
  for (const [tool, owner] of Object.entries(tools)) {
    const found = await host.exec([tool, "--help"]);
    if (found.kind === "not-found" || found.kind === "not-started")
      throw missing(describeResult(found), await packageLines(host, alike(owner)));
  }
}

export interface HalfOptions {
  readonly keep: boolean;
  readonly onKept?: (kept: { readonly root: string; readonly host: Host }) => void;
}

/** Hands the tmux half to `use` and leaves nothing of it behind, however that ends. */
export async function inHalf(host: Host, options: HalfOptions, use: (half: Half) => Promise<void>): Promise<void> {
  await requireTools(host);
  const place = await placeFor(host);
  await clearLeftovers(host, place);
  const root = await host.files.makeTemporaryFolder(join(place, `${SANDBOX_PREFIX}${host.pid}-`));
  const [home, runtime] = [join(root, "home"), join(root, "run")];
  const cage = { groups: [], runtime };
  const inside = hostInside(host, environmentIn(host, home, runtime), home);
  try {
    await writeOwner(host, root, cage);
    for (const folder of [home, runtime, join(runtime, HOLDER_STATE)]) await host.files.makeFolder(folder, 0o700);
    await layOut(inside);
    await plantUserConfig(inside);
    const secret = crypto.randomUUID();
    await use({
      host: inside,
      sandboxed: true,
      tmux: tmuxOf(inside, DEFAULT_SOCKET),
      procfs: procfsOf(inside),
      agents: await makeAgents(inside, secret),
      secret,
      mark: crypto.randomUUID(),
      defaultServer: await rememberDefaultServer(host),
    });
  } finally {
    if (options.keep) options.onKept?.({ root, host: inside });
    else await clearUp(host, root, cage);
  }
}

async function clearUp(host: Host, root: string, cage: Cage): Promise<void> {
  const left = await endCage(host, cage);
  if (left.length > 0)
    throw new FleetError(EXIT.unknown, "The canary could not clear up", `left behind: ${left.join(", ")}`, [
      `rm -r ${shellWord(root)}   # once these have ended`,
    ]);
  await host.files.removeTree(root);
}

/** In the runtime folder, as its unit has it. */
const HOLDER_STATE = "mosaic-tmux-holder";

function environmentIn({ user, env }: Host, home: string, runtime: string): Record<string, string> {
  return {
    HOME: home,
    USER: user.name,
    LOGNAME: user.name,
    PATH: env.PATH ?? "/usr/local/bin:/usr/bin:/bin",
    LANG: "C.UTF-8",
    XDG_RUNTIME_DIR: runtime,
    TMUX_TMPDIR: runtime,
    MOSAIC_CANARY_NO_UNITS: "yes",
  };
}

/** The scripts and tmux.conf; the units are of no use here. */
async function layOut({ files, ...host }: Host): Promise<void> {
  const paths = pathsOf(host);
  for (const { path, text, mode } of ownedFiles(paths, 0)) {
    if (!path.startsWith(`${paths.tools}/`)) continue;
    await files.makeFolder(paths.tools);
    await files.writeAtomic(path, text, mode);
  }
  await files.makeFolder(paths.agents);
}

async function makeAgents(host: Host, secret: string): Promise<Half["agents"]> {
  const { files, env } = host;
  const run = `${CANARY_PREFIX}${host.pid}`;
  const variables = { MOSAIC_CANARY_SECRET: secret, MOSAIC_CANARY_DIFFICULT: DIFFICULT };
  const settings = (part: HalfPart, folder: string): Record<string, string> => {
    switch (part) {
      case "path":
        return { MOSAIC_PATH: join(folder, "bin"), MOSAIC_AGENT_COMMAND: "mosaic-canary-program" };
      case "reader":
        return { MOSAIC_AGENT_COMMAND: `cat >'${join(folder, "read")}'` };
      case "ending":
        return { MOSAIC_AGENT_COMMAND: `exit ${BROKEN_STATUS}` };
      default:
        return { MOSAIC_AGENT_COMMAND: "sleep infinity" };
    }
  };
  const made = HALF_PARTS.map(async (part): Promise<[HalfPart, HalfAgent]> => {
    const name = part === "first" ? run : `${run}-${part}`;
    const state = join(env.XDG_RUNTIME_DIR ?? "", "mosaic-agent", name);
    const folder = join(env.XDG_RUNTIME_DIR ?? "", name);
    const workdir = join(folder, "a folder");
    for (const each of [state, folder, workdir, join(folder, "bin")]) await files.makeFolder(each, 0o700);
    await files.writeAtomic(join(folder, CANARY_PROGRAM), "#!/bin/sh\nexec sleep infinity\n", 0o700);
    const all = { ...variables, MOSAIC_AGENT_WORKDIR: workdir, ...settings(part, folder) };
    return [part, { name, folder, workdir, state, variables, settings: all }];
  });
  return Object.fromEntries(await Promise.all(made)) as unknown as Half["agents"];
}

/** Runs a script of the layout, as the unit of its agent, or of the holder, would. */
export function runScript(
  { host }: Pick<Half, "host">,
  [script, ...args]: readonly [string, ...string[]],
  agent?: HalfAgent,
  wrap: (argv: readonly string[]) => readonly string[] = (argv) => argv,
): Promise<ExecResult> {
  const own = agent
    ? { ...agent.settings, RUNTIME_DIRECTORY: agent.state }
    : { MOSAIC_TMUX_SOCKET: DEFAULT_SOCKET, RUNTIME_DIRECTORY: join(host.env.XDG_RUNTIME_DIR ?? "", HOLDER_STATE) };
  const argv = wrap(["sh", join(pathsOf(host).tools, script), ...args]);
  return host.exec(argv, { env: own, timeoutMs: 20_000 });
}
