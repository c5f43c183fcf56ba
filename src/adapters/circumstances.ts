import { join } from "node:path";
import type { FileStatus, Host } from "../core/host.ts";
import type { Circumstances, MachineKind } from "../core/user-bus.ts";
import { cgroupPath, procfsOf } from "./procfs.ts";

/** What tells why a user manager cannot be reached. Of what may not be looked at, nothing is known; it never throws. */
export async function circumstancesOf(host: Pick<Host, "env" | "user" | "files">): Promise<Circumstances> {
  const { env, user } = host;
  const runtime = env.XDG_RUNTIME_DIR;
  const status = (path: string) => statusOf(host, path);
  const [booted, machine, first, cgroup, usual] = await Promise.all([
    status("/run/systemd/system"),
    machineKind(host),
    firstProcess(host),
    host.files.read("/proc/self/cgroup").catch(() => undefined),
    status(`/run/user/${user.uid}`),
  ]);
  const whole = runtime?.startsWith("/") ? runtime : undefined;
  return {
    env,
    user,
    booted: booted !== undefined,
    machine,
    first,
    cgroup: cgroupPath(cgroup ?? "") ?? "",
    runtime: whole === undefined ? undefined : await status(whole),
    socket: whole === undefined ? undefined : await status(join(whole, "systemd/private")),
    usual: usual?.kind === "folder" && usual.uid === user.uid,
  };
}

async function statusOf({ files }: Pick<Host, "files">, path: string): Promise<FileStatus | undefined> {
  return files.status(path).catch(() => undefined);
}

/** The name of the machine's first process; undefined where it is hidden. */
export async function firstProcess({ files }: Pick<Host, "files">): Promise<string | undefined> {
  return (await files.read("/proc/1/comm").catch(() => undefined))?.trim() || undefined;
}

/** By files alone: a user manager, which would know better, is not there to be asked. */
export async function machineKind(host: Pick<Host, "files" | "user">): Promise<MachineKind> {
  const read = async (path: string) => (await host.files.read(path).catch(() => undefined)) ?? "";
  if (/microsoft|WSL/i.test(await read("/proc/sys/kernel/osrelease"))) return "wsl";
  for (const mark of ["/.dockerenv", "/run/.containerenv", "/run/systemd/container"])
    if ((await statusOf(host, mark)) !== undefined) return "container";
  const environment = host.user.uid === 0 ? await procfsOf(host).environment(1) : undefined;
  return environment?.container === undefined ? "machine" : "container";
}
