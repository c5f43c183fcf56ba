import { tmuxVersion as parse } from "../../adapters/tmux.ts";
import { describeResult, succeeded } from "../../core/exec.ts";
import type { Check } from "../check.ts";

/** The first tmux with -N, without which a client may found a server in the wrong cgroup. */
const OLDEST = { major: 3, minor: 2 };

export const tmuxVersion: Check = {
  id: "tmux.version",
  title: `tmux is installed, ${OLDEST.major}.${OLDEST.minor} or later`,
  async run(tools) {
    const result = await tools.tmuxVersion();
    const fix = { commands: ["sudo apt-get install tmux"] };
    if (result.kind === "not-found") return { status: "fail", message: "tmux is not on PATH", fix };
    const version = succeeded(result) ? parse(result.stdout) : undefined;
    if (version === undefined) throw new Error(describeResult(result));
    const { major, minor } = version;
    if (major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor))
      return { status: "pass", detail: result.stdout.trim() };
    return { status: "fail", message: `${result.stdout.trim()} cannot be kept from founding servers (tmux -N)`, fix };
  },
};
