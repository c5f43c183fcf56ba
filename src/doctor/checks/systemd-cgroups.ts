import { cgroupMode } from "../../adapters/cgroup.ts";
import { machineKind } from "../../adapters/circumstances.ts";
import type { Check, Fix } from "../check.ts";

const ARGUMENT = "systemd.unified_cgroup_hierarchy=1";

export const systemdCgroups: Check = {
  id: "systemd.cgroups",
  title: "cgroups are unified (version 2)",
  pre: true,
  explain: {
    checks: "Which cgroup hierarchies are mounted, as /proc/self/mountinfo shows them.",
    why: "In the unified hierarchy a user manager may be handed memory, processor and task limits for its units. In the older ones, alone or mixed, it may not: an agent is still kept apart and ended whole, but `MemoryMax=`, `TasksMax=` and `CPUWeight=` of an ordinary user's agents do nothing.",
    mend: `Boot with \`${ARGUMENT}\` on the kernel's command line (with GRUB in /etc/default/grub). In a container it is the host that decides.`,
  },
  async run({ host }) {
    const mode = await cgroupMode(host);
    if (mode === "unified") return { status: "pass" };
    const inside = (await machineKind(host)) === "container";
    const fix: Fix = {
      root: inside
        ? [`grubby --update-kernel=ALL --args=${ARGUMENT}   # on the container's host, or in its /etc/default/grub`]
        : [`sed -i 's/^GRUB_CMDLINE_LINUX="/&${ARGUMENT} /' /etc/default/grub`, "update-grub   # then reboot"],
    };
    if (mode === "none")
      return {
        status: "fail",
        message: "no cgroup hierarchy is mounted: agents cannot be kept apart",
        evidence: { mode },
        fix: {
          root: ["mount -t cgroup2 none /sys/fs/cgroup   # in a container: run it with a writable /sys/fs/cgroup"],
        },
      };
    return {
      status: "warn",
      message: `cgroups are ${mode}: agents are kept apart, but memory and CPU limits of an ordinary user's agents do nothing`,
      evidence: { mode },
      fix,
    };
  },
};
