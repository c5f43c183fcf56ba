import { alike, installLines } from "../../adapters/packages.ts";
import { tmuxVersion as parse } from "../../adapters/tmux.ts";
import type { Check } from "../check.ts";

/** The first tmux with -N, without which a client may found a server in the wrong cgroup. */
const OLDEST = { major: 3, minor: 2 };

export const tmuxVersion: Check = {
  id: "tmux.version",
  title: `tmux is installed, ${OLDEST.major}.${OLDEST.minor} or later`,
  pre: true,
  explain: {
    checks:
      "The version of the tmux that this shell's PATH has: what `tmux -V` says, or the fleet's server where it runs that very file.",
    why: "Every agent is a session of one tmux server, which only the holder may found. A client before 3.2 has no -N, and so founds a server wherever it happens to run: in an agent's unit or in a login, which then takes the whole fleet with it when it ends.",
    mend: "Install tmux from your distribution. Where that one is older than 3.2, install a newer one elsewhere and put its folder into MOSAIC_PATH in fleet.env, so that the units use it too.",
  },
  async run(tools) {
    const installed = await tools.installedTmux();
    const fix = async () => ({
      root: await installLines(tools.host, alike("tmux")),
    });
    if (installed === undefined)
      return { status: "fail", message: "tmux is not on PATH: no session can be made", fix: await fix() };
    const said = `tmux ${installed}`;
    const version = parse(said);
    if (version === undefined) throw new Error(`its version is none that is known: ${said}`);
    const { major, minor } = version;
    if (major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor))
      return { status: "pass", detail: said };
    return {
      status: "fail",
      message: `${said} cannot be kept from founding servers (that is -N, of ${OLDEST.major}.${OLDEST.minor})`,
      evidence: { version: said },
      fix: await fix(),
    };
  },
};
