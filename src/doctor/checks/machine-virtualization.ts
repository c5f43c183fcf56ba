import type { Check } from "../check.ts";
import { surroundings } from "../virtualization.ts";

export const machineVirtualization: Check = {
  id: "machine.virtualization",
  title: "what this machine runs in lets a fleet stay",
  pre: true,
  explain: {
    checks:
      "Whether this is a container, WSL or a virtual machine: by the marks that they leave (/.dockerenv, /run/.containerenv, /run/systemd/container, the kernel's release, the cgroups of the first process, the firmware's names), else by what the user manager says.",
    why: "A virtual machine is as good as any. A container holds a fleet only where systemd is its first process: else there is no user manager, and only the canary's sandbox works. WSL runs systemd only if it is told to, and ends the machine, agents and all, some seconds after its last window was closed.",
    mend: "Container: use an image that boots systemd, or run the fleet on the machine outside. WSL: put `[boot]` and `systemd=true` into /etc/wsl.conf, run `wsl.exe --shutdown`, and have Windows start something by hand at login that stays, so that WSL does too. WSL 1 has to be made WSL 2 first (`wsl.exe --set-version DISTRIBUTION 2`).",
  },
  async run(tools) {
    const [around, booted] = await Promise.all([surroundings(tools), tools.booted()]);
    const evidence = { "seen in": around.source, "systemd is the first process": booted };
    switch (around.kind) {
      case "none":
        return { status: "pass", detail: "no container or VM", evidence };
      case "vm":
        return { status: "pass", detail: `VM (${around.name})`, evidence };
      case "container":
        // What is missing without it, and what then works, is what systemd.booted says.
        return {
          status: "pass",
          detail: `container (${around.name}) ${booted ? "with" : "without"} systemd`,
          evidence,
        };
      case "wsl":
        if (around.name === "WSL 1")
          return {
            status: "warn",
            message: "this is WSL 1, which has no Linux kernel and no systemd: a fleet needs WSL 2",
            evidence,
            fix: { commands: ['wsl.exe --set-version "$WSL_DISTRO_NAME" 2   # in Windows, with this window closed'] },
          };
        if (!booted)
          return {
            status: "warn",
            message: "this is WSL 2 without systemd: no user manager starts until /etc/wsl.conf says systemd=true",
            evidence,
            fix: {
              commands: ["wsl.exe --shutdown   # after the line is in /etc/wsl.conf; then open WSL again"],
              root: ["sh -c 'printf \"[boot]\\nsystemd=true\\n\" >>/etc/wsl.conf'"],
            },
          };
        return {
          status: "warn",
          message:
            "this is WSL 2, which ends the machine and its agents some seconds after its last window is closed, lingering or not",
          evidence,
          fix: {
            commands: [
              "wsl.exe --exec dbus-launch true   # once after each start of Windows: WSL stays (needs the package dbus-x11)",
            ],
          },
        };
    }
  },
};
