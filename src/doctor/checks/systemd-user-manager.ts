import type { Check } from "../check.ts";

export const systemdUserManager: Check = {
  id: "systemd.user-manager",
  title: "the user manager answers",
  pre: true,
  requires: ["systemd.version"],
  explain: {
    checks:
      "Connects to the user manager's own socket, $XDG_RUNTIME_DIR/systemd/private, then to the user's message bus, and asks for its version. What goes wrong is told by the system's error, by what is at these paths, and by where this shell comes from (variables, its cgroup).",
    why: "Every agent is a unit of the user manager. Where it cannot be reached, nothing can be started, stopped or asked; units that are written are never loaded.",
    mend: "Log in as the user itself: `su`, `sudo -u`, cron and an ssh server without PAM open no session, and leave XDG_RUNTIME_DIR out. `loginctl enable-linger USER` keeps a manager running without any session. `systemctl restart user@UID.service` (root) makes a new one where the old one hangs or has left its socket behind; all that still runs under it ends.",
  },
  async run(tools) {
    const found = await tools.userManager();
    if ("manager" in found) return { status: "pass" };
    const { cause, remedy } = found.problem;
    return {
      status: "fail",
      message: cause,
      evidence: { XDG_RUNTIME_DIR: tools.host.env.XDG_RUNTIME_DIR ?? "not set", said: found.said },
      fix: remedy,
    };
  },
};
