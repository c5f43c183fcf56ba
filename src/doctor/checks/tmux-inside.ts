import { shellWord } from "../../core/shell.ts";
import type { Check, CheckResult } from "../check.ts";

export const tmuxInside: Check = {
  id: "tmux.inside",
  title: "tmux typed in this shell reaches a server that lives",
  pre: true,
  explain: {
    checks:
      "The variable TMUX of this shell, which tmux sets in its panes: whether the server process that it names still runs, whose it is, and whether its socket is there.",
    why: "A tmux that is typed without -L or -S goes to the server that TMUX names. Where that server is gone (a shell that outlived it, a variable that came along with sudo or an IDE), the command fails, or founds a server at a place where nobody looks for it. Being inside a tmux of one's own is fine: `tmux -L mosaic-factory attach` works there too.",
    mend: "Take the variables away (`unset TMUX TMUX_PANE`) or open a new shell, and name the fleet's server when you type (`tmux -L mosaic-factory ls`).",
  },
  async run(tools): Promise<CheckResult> {
    const { host, procfs } = tools;
    const value = host.env.TMUX;
    if (value === undefined || value === "") return { status: "pass" };
    // Path, pid and session; the path may hold commas.
    const [, path = value, digits] = /^(.*),(\d+),[^,]*$/.exec(value) ?? [];
    const pid = Number(digits);
    const evidence = { TMUX: value };
    const fix = { commands: ["unset TMUX TMUX_PANE"] };
    const [name, socket] = await Promise.all([
      procfs.name(pid),
      host.files.status(path).catch(() => undefined), // in another user's folder
    ]);
    if (digits === undefined || name !== "tmux: server")
      return {
        status: "warn",
        message: `TMUX of this shell names a tmux server that is gone (pid ${digits ?? "none"}): tmux typed without -L goes to whatever is at ${path} now`,
        evidence,
        fix,
      };
    if (socket === undefined)
      return {
        status: "warn",
        message: `TMUX of this shell names ${path}, where no socket can be found: tmux typed without -L finds no server there`,
        evidence,
        fix,
      };
    if (socket.uid !== host.user.uid)
      return {
        status: "warn",
        message: `TMUX of this shell names the tmux server of another user (uid ${socket.uid}): tmux typed without -L goes there`,
        evidence,
        fix,
      };
    const fleet = await tools.holderRecord();
    return {
      status: "pass",
      detail: fleet?.pid === pid ? "inside the fleet's own server" : `inside ${shellWord(path)}`,
      evidence,
    };
  },
};
