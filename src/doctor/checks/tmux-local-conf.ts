import { serverOption } from "../../core/server-options.ts";
import type { RiskyLine } from "../../core/tmux-conf.ts";
import type { Check, CheckResult } from "../check.ts";
import { editLines, localConf, shownLines } from "../local-conf.ts";

export const tmuxLocalConf: Check = {
  id: "tmux.local-conf",
  title: "with tmux.local.conf the fleet's server comes up again, and tmux can read it",
  explain: {
    checks:
      "~/.config/mosaic/fleet/tmux.local.conf, by its words: lines that end the server (kill-server) or set an option on which the fleet rests. Where the fleet's server runs it is asked to read the file without doing anything (source-file -n): which line it does not understand, and whether a quote is left open.",
    why: "The server reads this file as it is founded, after the fleet's own. A line that ends it shows only when the holder is started the next time, at night or after a boot: then no agent runs any more. Of a file with one line that tmux does not understand it takes nothing, without a word.",
    mend: "Take the line that is named out of the file, or correct it. For the running server `tmux -L mosaic-factory source-file ~/.config/mosaic/fleet/tmux.local.conf` reads it anew.",
  },
  async run(tools): Promise<CheckResult> {
    const conf = await localConf(tools);
    if (conf === undefined) return { status: "pass" };
    const server = await tools.server().catch(() => undefined); // told by the checks of the holder
    // What is off by now is told by holder.options.
    const news = conf.risky.filter(({ risk }) => {
      if (risk.kind !== "option") return risk.kind === "ends";
      return server === undefined || risk.option.holds(serverOption(server.options, risk.option.name));
    });
    const [first, ...more] = news;
    if (first !== undefined)
      return {
        status: news.some(breaks) ? "fail" : "warn",
        message: `line ${first.line} of tmux.local.conf${more.length === 0 ? "" : ` (and ${more.length} more)`}: from the holder's next start on ${consequence(first)}`,
        evidence: { lines: shownLines(news) },
        fix: { commands: [editLines(tools, conf, news)] },
      };
    const problem = server === undefined ? undefined : await tools.tmuxProblem(conf.path);
    if (problem === undefined) return { status: "pass" };
    const { line, message } = problem;
    return {
      status: "warn",
      message: `tmux does not take tmux.local.conf as it was meant: line ${line}: ${message}`,
      fix: { commands: [editLines(tools, conf, [problem]).replace("take out", "correct")] },
    };
  },
};

function breaks({ risk }: RiskyLine): boolean {
  return risk.kind === "ends" || (risk.kind === "option" && risk.option.promised);
}

function consequence({ risk }: RiskyLine): string {
  if (risk.kind === "option" && risk.option.name !== "exit-empty") return risk.option.otherwise;
  return "its server does not come up any more, and no agent can run";
}
