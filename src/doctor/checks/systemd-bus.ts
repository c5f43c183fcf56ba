import { join } from "node:path";
import type { Check } from "../check.ts";

export const systemdBus: Check = {
  id: "systemd.bus",
  title: "the user's message bus is there",
  pre: true,
  requires: ["systemd.runtime-folder"],
  explain: {
    checks: "Whether $XDG_RUNTIME_DIR/bus is a socket. Nobody connects to it: that would start the bus.",
    why: "The user manager has a socket of its own, so `systemctl --user` works without a bus. But an agent's start asks the manager over the bus to take its process into its unit (`busctl --user`), and `systemd-run --user` and the desktop's tools use it too.",
    mend: "Install dbus-user-session (Debian, Ubuntu) or your distribution's dbus-daemon or dbus-broker with its user units, then `systemctl --user restart dbus.socket`: one that is active does not make its socket again when it is started.",
  },
  async run({ host, paths }) {
    const path = join(paths.runtime ?? "", "bus");
    const status = await host.files.status(path);
    if (status?.kind === "socket") return { status: "pass" };
    return {
      status: "warn",
      message: `${status === undefined ? "there is no message bus" : "something that is no socket is"} at ${path}: an agent's processes cannot be moved into its unit through it`,
      fix: {
        root: ["apt-get install dbus-user-session   # or your distribution's package of the user's bus"],
        commands: ["systemctl --user daemon-reload", "systemctl --user restart dbus.socket"],
      },
    };
  },
};
