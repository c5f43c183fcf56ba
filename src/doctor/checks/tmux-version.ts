import { alike, installLines } from "../../adapters/packages.ts";
import { tmuxVersion as parse } from "../../adapters/tmux.ts";
import { PROVE_HERE, PROVED } from "../../core/proved.ts";
import type { Check } from "../check.ts";
import { doesNotStart, notStarting } from "../not-starting.ts";

/** The first tmux with -N, without which a client may found a server in the wrong cgroup. */
const OLDEST = "3.2";
const { tmux: FIRST_PROVED } = PROVED.bookworm;
const { tmux: LAST_PROVED } = PROVED.sid;

/** Below 0 where the first is the older one; letters behind the numbers are mends of the same. Takes what has a version. */
function compare(one: string, other: string): number {
  const [a, b] = [parse(one), parse(other)];
  return (a?.major ?? 0) - (b?.major ?? 0) || (a?.minor ?? 0) - (b?.minor ?? 0);
}

export const tmuxVersion: Check = {
  id: "tmux.version",
  title: `tmux is installed, ${OLDEST} or later`,
  pre: true,
  explain: {
    checks: `The version of the tmux that this shell's PATH has: what \`tmux -V\` says, or the fleet's server where it runs that very file. A fleet was proved on ${FIRST_PROVED} to ${LAST_PROVED}; what is before ${OLDEST} is refused, and all else outside of that told.`,
    why: "Every agent is a session of one tmux server, which only the holder may found. A client before 3.2 has no -N, and so founds a server wherever it happens to run: in an agent's unit or in a login, which then takes the whole fleet with it when it ends.",
    mend: "Install tmux from your distribution. Where that one is older than 3.2, install a newer one elsewhere and put its folder into MOSAIC_PATH in fleet.env, so that the units use it too. For one that is only not proved, the canary proves it on this machine.",
  },
  async run(tools) {
    const installed = await tools.installedTmux().catch(notStarting);
    const fix = async () => ({
      root: await installLines(tools.host, alike("tmux")),
    });
    if (installed === undefined)
      return { status: "fail", message: "tmux is not on PATH: no session can be made", fix: await fix() };
    if (typeof installed !== "string")
      return doesNotStart(tools, installed, {
        names: alike("tmux"),
        therefore: "no session can be made, and none reached",
      });
    const said = `tmux ${installed}`;
    if (parse(said) === undefined) throw new Error(`its version is none that is known: ${said}`);
    if (compare(said, OLDEST) < 0)
      return {
        status: "fail",
        message: `${said} cannot be kept from founding servers (that is -N, of ${OLDEST})`,
        evidence: { version: said },
        fix: await fix(),
      };
    const older = compare(said, FIRST_PROVED) < 0;
    if (older || compare(said, LAST_PROVED) > 0)
      return {
        status: "warn",
        message: `${said} is ${older ? "older" : "newer"} than any on which this mosaic-fleet was proved (${FIRST_PROVED} to ${LAST_PROVED})`,
        evidence: { version: said },
        fix: { commands: [PROVE_HERE] },
      };
    return { status: "pass", detail: said };
  },
};
