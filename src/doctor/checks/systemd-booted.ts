import { firstProcess, machineKind } from "../../adapters/circumstances.ts";
import { bootRemedy, notBooted } from "../../core/user-bus.ts";
import type { Check } from "../check.ts";
import type { Tools } from "../tools.ts";

export const systemdBooted: Check = {
  id: "systemd.booted",
  title: "the machine was booted with systemd",
  pre: true,
  explain: {
    checks:
      "Whether /run/systemd/system is there, which systemd makes when it is the first process, and what /proc/1/comm calls the first process.",
    why: "Only a systemd that is the first process starts user managers, at boot and at login. In most containers, and in WSL unless it is told to, something else is: then there is no user manager, or one that somebody started by hand and that nobody starts again.",
    mend: "In WSL 2 put `systemd=true` below `[boot]` in /etc/wsl.conf and run `wsl.exe --shutdown`. A container has to be made with systemd as its first program (podman does so with `--systemd=always`); without it only `mosaic-fleet canary --sandbox` works there, which brings a user manager of its own.",
  },
  async run(tools) {
    const { host } = tools;
    const [booted, first, machine] = await Promise.all([tools.booted(), firstProcess(host), machineKind(host)]);
    // Where /proc hides the first process, the folder is all there is to go by.
    if (booted && (first === undefined || first === "systemd")) return { status: "pass" };
    const evidence = { "first process": first ?? "hidden", "/run/systemd/system": booted, machine };
    const fix = bootRemedy({ machine, user: host.user });
    // A sandbox of the canary, or a manager that somebody started by hand: a fleet holds in it as long as it lasts.
    if (await isThere(tools))
      return {
        status: "warn",
        message: `a user manager is there, but the first process is ${first ?? "hidden"}, not systemd: nothing starts it again, at boot or when it ends`,
        evidence,
        fix,
      };
    return { status: "fail", message: notBooted({ machine, first }), evidence, fix };
  },
};

/** One that hangs is told by systemd.user-manager, and so is what cannot be told. */
async function isThere(tools: Tools): Promise<boolean> {
  const found = await tools.userManager().catch(() => undefined);
  return found !== undefined && ("manager" in found || found.hangs);
}
