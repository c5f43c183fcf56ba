import type { Check } from "../check.ts";

export const machineLinux: Check = {
  id: "machine.linux",
  title: "this is a Linux machine",
  async run({ host }) {
    const [type, release] = await Promise.all(
      ["ostype", "osrelease"].map((name) => host.files.read(`/proc/sys/kernel/${name}`)),
    );
    if (type?.trim() === "Linux") return { status: "pass", detail: release?.trim() ?? "" };
    return {
      status: "fail",
      message: "a fleet stands on systemd and cgroups, which only Linux has",
      fix: { commands: [] },
    };
  },
};
