import { join } from "node:path";
import { pathsOf } from "../../core/paths.ts";
import { SERVER_OPTIONS, serverOption } from "../../core/server-options.ts";
import { BAIT_OPTION } from "../bait.ts";
import { expect, type Fleet, type Step } from "../step.ts";

export const userConfig: Step<Pick<Fleet, "host" | "tmux" | "sandboxed">> = {
  id: "user-config",
  title: "the fleet's server has read the fleet's tmux.conf, and nothing of the user's own ~/.tmux.conf",
  limitMs: 10_000,
  requires: ["holder"],
  beside: true,
  async run({ host, tmux, sandboxed }) {
    const look = await tmux.look();
    expect(look !== undefined, "no tmux server answers on the holder's socket");
    // In a sandbox the user has one, which leaves a mark on every server that reads it.
    expect(
      look.options[BAIT_OPTION] === undefined,
      "the fleet's server has read the user's own tmux settings, so that whatever is in there changes the fleet",
    );
    const files = (await tmux.configFiles()) ?? [];
    const wanted = join(pathsOf(host).tools, "tmux.conf");
    expect(files.length === 1 && files[0] === wanted, "the fleet's server has read other settings than the fleet's", {
      wanted,
      read: files,
    });
    const undone = SERVER_OPTIONS.filter(
      ({ name, holds, promised }) => promised && !holds(serverOption(look.options, name)),
    );
    expect(undone.length === 0, "what the fleet's tmux.conf sets is not in force: tmux.local.conf may undo it", {
      otherwise: undone.map(({ name, wanted, otherwise }) => `${name} is not ${wanted}: ${otherwise}`),
    });
    return { read: files, "planted in the home folder": sandboxed };
  },
};
