import { join } from "node:path";
import { describeResult } from "../../core/exec.ts";
import { AGENT_TEMPLATE, agentOfUnit, HOLDER_UNIT } from "../../core/names.ts";
import type { Check } from "../check.ts";
import { isAboutOurs } from "../unit-files.ts";

export const unitsVerify: Check = {
  id: "units.verify",
  title: "systemd reads the units without a warning",
  explain: {
    checks:
      "What systemd-analyze --user verify says about the holder's unit, the agents' template and each agent with drop-ins of its own in ~/.config/systemd/user, drop-ins merged. What it says about other units, which it reads on the way, is shown and counts for nothing.",
    why: "systemd passes over a line that it does not understand. A setting with a typing error in it is no setting: a limit that does not limit, a restart that does not come.",
    mend: "The warning names the file and the line. Correct it in the drop-in that it names (systemctl --user edit UNIT), then run systemctl --user daemon-reload.",
  },
  requires: ["systemd.user-manager"],
  async run(tools) {
    const { host, paths } = tools;
    const installed = await Promise.all(
      [HOLDER_UNIT, AGENT_TEMPLATE].map((unit) => host.files.status(join(paths.units, unit))),
    );
    if (installed.every((status) => status === undefined))
      return { status: "skip", reason: "no unit of the fleet is installed" };
    const verified = await tools.verified();
    if (verified.kind !== "exited") throw new Error(describeResult(verified));
    // What is wrong with the template is said again of each agent.
    const lines = [...new Set(verified.stderr.split("\n").filter((line) => line.trim() !== ""))];
    const others = lines.filter(isAboutOthers);
    const warnings = lines.filter((line) => !others.includes(line));
    const evidence = { ...(others.length > 0 ? { "of other units": others } : {}) };
    if (warnings.length === 0) return { status: "pass", evidence };
    const [first = ""] = warnings;
    const said = /mosaic-(?:tmux-holder|agent@[^/:.]*)\.service/.exec(first)?.[0] ?? AGENT_TEMPLATE;
    // It tries the template with an instance that is none.
    const agent = agentOfUnit(said);
    const unit = agent === undefined || (await tools.unitFiles()).agents.includes(agent) ? said : AGENT_TEMPLATE;
    return {
      // It says so by its exit code when a unit cannot be used at all.
      status: verified.code === 0 ? "warn" : "fail",
      message: `systemd warns about the units: ${first.replace(/\.$/, "")}`,
      evidence: { warnings, ...evidence },
      fix: { commands: [`systemctl --user cat ${unit}`, `systemctl --user edit ${unit}`] },
    };
  },
};

/** A line that starts with another unit's name or file. What names no unit may be about ours. */
function isAboutOthers(line: string): boolean {
  return /^[^:]*\.(service|socket|target|timer|path|slice|scope|mount|automount|swap|device)(\.d\/[^:]+)?:/.test(line)
    ? !isAboutOurs(line)
    : false;
}
