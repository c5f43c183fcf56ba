import { systemdMajor } from "../../adapters/systemd.ts";
import { describeResult, succeeded } from "../../core/exec.ts";
import type { Check } from "../check.ts";

/** The oldest systemd on which the canary has passed. */
const OLDEST = 252;

export const systemdVersion: Check = {
  id: "systemd.version",
  title: `systemd is installed, ${OLDEST} or later`,
  async run(tools) {
    const result = await tools.systemdVersion();
    if (result.kind === "not-found")
      return {
        status: "fail",
        message: "systemctl is not installed",
        fix: { commands: ["sudo apt-get install systemd dbus-user-session"] },
      };
    const major = succeeded(result) ? systemdMajor(result.stdout) : undefined;
    if (major === undefined) throw new Error(describeResult(result));
    if (major >= OLDEST) return { status: "pass", detail: String(major) };
    return {
      status: "fail",
      message: `systemd ${major} is older than any on which a fleet was proved`,
      fix: { commands: [] },
    };
  },
};
