import { cgroupMode } from "../../adapters/cgroup.ts";
import type { Check } from "../check.ts";

export const systemdCgroups: Check = {
  id: "systemd.cgroups",
  title: "cgroups are unified (version 2)",
  async run({ host }) {
    const mode = await cgroupMode(host);
    if (mode === "unified") return { status: "pass" };
    const commands = [
      "sudoedit /etc/default/grub   # add systemd.unified_cgroup_hierarchy=1 to GRUB_CMDLINE_LINUX; sudo update-grub; reboot",
    ];
    if (mode === "none")
      return {
        status: "fail",
        message: "no cgroup hierarchy is mounted: agents cannot be kept apart",
        fix: { commands: [] },
      };
    return {
      status: "warn",
      message: `cgroups are ${mode}: agents are kept apart, but memory and CPU limits of an ordinary user's agents do nothing`,
      evidence: { mode },
      fix: { commands },
    };
  },
};
