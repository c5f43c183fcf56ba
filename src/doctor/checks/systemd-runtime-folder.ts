import { explained } from "../../adapters/manager.ts";
import { mountOf } from "../../adapters/mounts.ts";
import { shellWord } from "../../core/shell.ts";
import type { Check, CheckResult } from "../check.ts";

/** What systemd clears at boot; elsewhere sockets of the last boot lie about. */
const MEMORY = ["tmpfs", "ramfs"];

export const systemdRuntimeFolder: Check = {
  id: "systemd.runtime-folder",
  title: "the runtime folder is this user's alone",
  pre: true,
  explain: {
    checks:
      "XDG_RUNTIME_DIR: whether it is set, what is there, whose it is, its mode, whether it lies in memory, and, on a machine that was booted with systemd, whether it is the folder that logind makes: /run/user/UID.",
    why: "The sockets of the user manager and of the message bus are in it, and so is what agents are handed at their start. Without it `systemctl --user` finds nobody; another user's folder leads to another user's manager; a folder on disk keeps sockets that nobody serves any more.",
    mend: "Log in as the user (ssh, a console, `machinectl shell USER@`) in place of `su` or `sudo -u`, or set `XDG_RUNTIME_DIR=/run/user/UID` where that folder is there. `loginctl enable-linger USER` makes it at every boot.",
  },
  async run(tools) {
    const { host, paths } = tools;
    const said = host.env.XDG_RUNTIME_DIR;
    const usual = `/run/user/${host.user.uid}`;
    const bad = async (status: "warn" | "fail", message: string): Promise<CheckResult> => ({
      status,
      message,
      evidence: { XDG_RUNTIME_DIR: said ?? "not set" },
      fix: (await explained(host, { code: "ENOENT", said: "" })).remedy,
    });
    if (!said) return bad("fail", "XDG_RUNTIME_DIR is not set, so systemctl --user finds no manager");
    if (paths.runtime === undefined) return bad("fail", `XDG_RUNTIME_DIR is ${said}, which is no whole path`);
    const real = await host.files.realPath(said);
    const status = real === undefined ? undefined : await host.files.status(real);
    if (real === undefined || status?.kind !== "folder")
      return bad("fail", `XDG_RUNTIME_DIR is ${said}, and that is not a folder`);
    if (status.uid !== host.user.uid)
      return bad("fail", `${said} belongs to user ${status.uid}, not to ${host.user.uid}`);
    if ((status.mode & 0o077) !== 0)
      return {
        status: "warn",
        message: `other users can look into ${said}, where agents are handed their keys`,
        evidence: { mode: status.mode.toString(8) },
        fix: { commands: [`chmod 700 ${shellWord(said)}`] },
      };
    if ((await tools.booted()) && real !== usual)
      return bad(
        "warn",
        `XDG_RUNTIME_DIR is ${said}, while logind's folder, in which the manager listens, is ${usual}`,
      );
    const type = mountOf(await tools.mounts(), real)?.type;
    if (type === undefined) throw new Error("/proc/self/mountinfo shows no mount");
    if (!MEMORY.includes(type))
      return {
        status: "warn",
        message: `${said} lies on disk (${type}): what is left in it outlives a reboot, and its sockets lead nowhere`,
        evidence: { "file system": type },
        fix: {
          root: [
            `mount -t tmpfs -o mode=700,uid=${host.user.uid} tmpfs ${shellWord(said)}   # before the manager starts`,
          ],
        },
      };
    return { status: "pass", detail: said };
  },
};
