import type { Check } from "../check.ts";

/** As uname -m names what this program is built for. */
const SUPPORTED = ["x86_64", "aarch64"];

export const machineLinux: Check = {
  id: "machine.linux",
  title: "this is Linux on x86-64 or ARM64",
  pre: true,
  explain: {
    checks: "The kernel's name and release in /proc/sys/kernel, and the hardware that it names (uname -m).",
    why: "A fleet stands on systemd and cgroups, which only Linux has. The program is built and tried on x86-64 and ARM64 only.",
    mend: "Use a Linux machine with one of these processors and a 64-bit system.",
  },
  async run({ host }) {
    const [type, release] = await Promise.all(
      ["ostype", "osrelease"].map(async (name) => (await host.files.read(`/proc/sys/kernel/${name}`))?.trim()),
    );
    const evidence = { system: type ?? "unknown", kernel: release ?? "unknown", machine: host.machine };
    if (type !== "Linux")
      return {
        status: "fail",
        message: "this is no Linux: a fleet stands on systemd and cgroups, which only Linux has",
        evidence,
        fix: {},
      };
    if (!SUPPORTED.includes(host.machine))
      return {
        status: "fail",
        message: `the kernel is one for ${host.machine}: a fleet was only tried on ${SUPPORTED.join(" and ")}`,
        evidence,
        fix: {},
      };
    const version = /^\d+\.\d+/.exec(release ?? "")?.[0] ?? release ?? "";
    return { status: "pass", detail: `Linux ${version} ${host.machine}`, evidence };
  },
};
