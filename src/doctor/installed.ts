import { join } from "node:path";
import { samePlace } from "../adapters/looks.ts";
import { systemdMajor } from "../adapters/systemd.ts";
import { systemctlVersion, tmuxClientVersion } from "../adapters/versions.ts";
import type { Host } from "../core/host.ts";
import { managerPid } from "./limits.ts";
import type { Tools } from "./tools.ts";

/** Where distributions put the two programs of systemd's that one package holds. */
const OF_ONE_PACKAGE: readonly { readonly manager: string; readonly systemctl: string }[] = [
  { manager: "/usr/lib/systemd/systemd", systemctl: "/usr/bin/systemctl" },
  { manager: "/lib/systemd/systemd", systemctl: "/bin/systemctl" },
];

/**
 * The version of systemd on disk, such as "252 (252.39-1~deb12u1)"; undefined where there is none. Where the running manager
 * is the program on disk (the kernel says so when it is not), it has said its version already; else systemctl is asked.
 * Throws where neither tells.
 */
export async function installedSystemd(tools: Tools): Promise<string | undefined> {
  return (await versionOfManager(tools).catch(() => undefined)) ?? systemctlVersion(tools.host);
}

async function versionOfManager(tools: Tools): Promise<string | undefined> {
  const pid = await managerPid(tools);
  if (pid === undefined) return undefined;
  const manager = await tools.procfs.program(pid);
  const systemctl = await tools.host.files.realPath((await onPath(tools.host, "systemctl")) ?? "");
  if (!OF_ONE_PACKAGE.some((each) => each.manager === manager && each.systemctl === systemctl)) return undefined;
  const { version } = await tools.managerState();
  const major = systemdMajor(version);
  return major === undefined ? undefined : `${major} (${version})`;
}

/**
 * The version of the tmux that this shell's PATH has, such as "3.3a"; undefined where there is none. Where the fleet's server
 * runs that very file, it has said so already; else tmux is asked. Throws where neither tells.
 */
export async function installedTmux(tools: Tools): Promise<string | undefined> {
  return (await versionOfServer(tools).catch(() => undefined)) ?? tmuxClientVersion(tools.host);
}

async function versionOfServer(tools: Tools): Promise<string | undefined> {
  const record = await tools.holderRecord();
  const client = await onPath(tools.host, "tmux");
  if (record === undefined || client === undefined) return undefined;
  const program = await tools.procfs.program(record.pid);
  if (program === undefined || !(await samePlace(program, client))) return undefined;
  const server = await tools.server();
  return server?.pid === record.pid ? server.version : undefined;
}

/** The first program of that name on PATH; undefined where it cannot be told without a shell's working folder. */
export async function onPath({ env, files }: Pick<Host, "env" | "files">, name: string): Promise<string | undefined> {
  for (const folder of (env.PATH ?? "").split(":")) {
    if (!folder.startsWith("/")) return undefined;
    const path = join(folder, name);
    if ((await files.ownerOf(path).catch(() => undefined)) === undefined) continue;
    if (await files.allows(path, "execute")) return path;
  }
  return undefined;
}
