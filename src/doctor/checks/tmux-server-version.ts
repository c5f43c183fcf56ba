import { ToolError } from "../../adapters/tool-error.ts";
import { describeError } from "../../core/errors.ts";
import { HOLDER_UNIT } from "../../core/names.ts";
import { shellWord } from "../../core/shell.ts";
import type { Check, CheckResult } from "../check.ts";
import { fleetTmux } from "../fleet-tmux.ts";

const REPLACED = " (deleted)";

export const tmuxServerVersion: Check = {
  id: "tmux.server-version",
  title: "the fleet's server runs the tmux that is installed",
  requires: ["tmux.version", "tmux.socket"],
  explain: {
    checks:
      "The version of the server that answers on the fleet's socket against `tmux -V` of this shell, and by /proc/PID/exe whether the file that the server was started from is still the one on disk.",
    why: "A package upgrade replaces tmux under a server that runs for months. Sessions go on; but a client of another version may be refused (protocol version mismatch), and then nobody attaches, no agent is stopped, and none that ends comes back. A fix of tmux's own reaches the fleet with the next start of the holder only.",
    mend: "At a quiet moment restart the holder (`systemctl --user restart mosaic-tmux-holder.service`): every agent is stopped, and comes back under the new server. Where it is only this shell that has another tmux, call the fleet's by its path.",
  },
  async run(tools): Promise<CheckResult> {
    const [client = "", found] = await Promise.all([
      tools.installedTmux(),
      tools.server().catch((error: unknown) => {
        // It runs, but speaks another language.
        if (error instanceof ToolError && /protocol version mismatch/.test(error.message)) return error;
        throw error;
      }),
    ]);
    if (found === undefined) return { status: "skip", reason: "no tmux server of the fleet runs" };
    const restart = `systemctl --user restart ${HOLDER_UNIT}   # every agent ends, and comes back`;
    if (found instanceof Error)
      return {
        status: "fail",
        message: `the fleet's server is of another version than tmux ${client} and refuses it: agents run on, but can be neither reached nor brought back`,
        evidence: { client, said: describeError(found) },
        fix: { commands: [restart] },
      };
    const { pid, version } = found;
    const program = (await tools.procfs.program(pid)) ?? "";
    const evidence = { client, server: version, "the server's program": program };
    if (program.endsWith(REPLACED))
      return {
        status: "warn",
        message:
          version === client
            ? `tmux was replaced on disk since the server (pid ${pid}) was founded: all works, but what the new ${client} mends is in force only after a restart of the holder`
            : `tmux was replaced on disk: the server (pid ${pid}) is still ${version}, new clients are ${client}: sessions run on, but commands may be refused or do other things until the holder is restarted`,
        evidence,
        fix: { commands: [restart] },
      };
    if (version === client) return { status: "pass" };
    const typed = (await fleetTmux(tools)).replace(/^tmux/, shellWord(program));
    return {
      status: "warn",
      message: `this shell has tmux ${client}, the fleet's server is ${version} (${program}): some commands typed here may be refused or do other things`,
      evidence,
      fix: { commands: program === "" ? [restart] : [`${typed} attach`] },
    };
  },
};
