import { systemdMajor } from "../../adapters/systemd.ts";
import { PROVE_HERE, PROVED } from "../../core/proved.ts";
import type { Check } from "../check.ts";
import { doesNotStart, notStarting } from "../not-starting.ts";

const OLDEST = PROVED.bookworm.systemd;
const NEWEST = PROVED.sid.systemd;
const SYSTEMD = { debian: "systemd", fedora: "systemd", suse: "systemd", arch: "systemd" };

export const systemdVersion: Check = {
  id: "systemd.version",
  title: `systemd is installed, ${OLDEST} or later, and the user manager runs this version`,
  pre: true,
  explain: {
    checks: `The version that is installed, and the one that the running user manager names over D-Bus. The installed one is what \`systemctl --version\` names, unless the manager runs the very file that the package has on disk: then they are the same. A fleet was proved on ${OLDEST} to ${NEWEST}: an older one is refused, a newer one told.`,
    why: "An older systemd lacks settings that the units rely on. After an upgrade of the package the user manager goes on as the old program until it is re-executed, and the two may differ in what a unit file means.",
    mend: "Upgrade the distribution for an older systemd. For a newer one the canary proves it on this machine, or there is a newer mosaic-fleet. `systemctl --user daemon-reexec` puts the new program in the place of the running manager; units, agents and sessions stay.",
  },
  async run(tools) {
    const version = await tools.installedSystemd().catch(notStarting);
    if (version === undefined)
      return {
        status: "fail",
        message: "systemctl is not installed: without systemd nothing starts, limits or brings back an agent",
        fix: { root: ["apt-get install systemd dbus-user-session   # or your distribution's packages of these"] },
      };
    if (typeof version !== "string")
      return doesNotStart(tools, version, {
        names: SYSTEMD,
        therefore: "no unit can be started, stopped or read anew",
      });
    const major = systemdMajor(version);
    if (major === undefined) throw new Error(`systemctl names a version that is none: ${version}`);
    const installed = /\((.+)\)/.exec(version)?.[1];
    if (major < OLDEST)
      return {
        status: "fail",
        message: `systemd ${major} is older than any on which a fleet was proved (${OLDEST})`,
        evidence: { installed: installed ?? major },
        fix: { root: ["apt-get full-upgrade   # to a release of the distribution with a newer systemd"] },
      };
    // A manager that does not answer is another check's finding, which needs this one.
    const running = (await tools.managerState().catch(() => undefined))?.version;
    if (running !== undefined && installed !== undefined && running !== installed)
      return {
        status: "warn",
        message: `the user manager still runs systemd ${running}, while ${installed} is installed`,
        evidence: { installed, running },
        fix: { commands: ["systemctl --user daemon-reexec"] },
      };
    if (major > NEWEST)
      return {
        status: "warn",
        message: `systemd ${major} is newer than any on which this mosaic-fleet was proved (${NEWEST})`,
        evidence: { installed: installed ?? major },
        fix: { commands: [PROVE_HERE] },
      };
    return { status: "pass", detail: String(major) };
  },
};
