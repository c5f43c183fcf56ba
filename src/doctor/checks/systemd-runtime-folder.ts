import type { Check } from "../check.ts";

export const systemdRuntimeFolder: Check = {
  id: "systemd.runtime-folder",
  title: "the runtime folder is this user's alone",
  async run({ host, paths }) {
    const usual = `/run/user/${host.user.uid}`;
    const fix = { commands: [`export XDG_RUNTIME_DIR=${usual}`] };
    if (paths.runtime === undefined)
      return { status: "fail", message: "XDG_RUNTIME_DIR is not set, so systemctl --user finds no manager", fix };
    const status = await host.files.status(paths.runtime);
    if (status?.kind !== "folder")
      return { status: "fail", message: `XDG_RUNTIME_DIR is ${paths.runtime}, and that is not a folder`, fix };
    if (status.uid !== host.user.uid)
      return {
        status: "fail",
        message: `${paths.runtime} belongs to user ${status.uid}, not to ${host.user.uid}`,
        fix,
      };
    if ((status.mode & 0o077) !== 0)
      return {
        status: "warn",
        message: `other users can look into ${paths.runtime} (mode ${status.mode.toString(8)})`,
        fix: { commands: [`chmod 700 ${paths.runtime}`] },
      };
    return { status: "pass", detail: paths.runtime };
  },
};
