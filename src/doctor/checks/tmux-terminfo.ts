import { join } from "node:path";
import { installLines } from "../../adapters/packages.ts";
import { shellPath } from "../../core/shell.ts";
import type { Check, CheckResult } from "../check.ts";
import { fleetTmux } from "../fleet-tmux.ts";
import type { Tools } from "../tools.ts";

/** What our tmux.conf says; read when no server can be asked. */
const OURS = "tmux-256color";
const SYSTEM = ["/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo", "/usr/lib/terminfo"];
/** Terminals that distributions describe in the package which every machine has. */
const BASIC = /^((tmux|screen|xterm|rxvt-unicode)(-256color)?|rxvt|linux|vt\d+|ansi|dumb)$/;

type Environment = Readonly<Record<string, string | undefined>>;

/** Where a program of this environment looks for terminals. */
function foldersOf({ TERMINFO, TERMINFO_DIRS }: Environment, home: string): string[] {
  const listed = (TERMINFO_DIRS ?? "").split(":");
  return [TERMINFO ?? "", join(home, ".terminfo"), ...listed, ...SYSTEM].filter((folder) => folder !== "");
}

async function isKnown({ host }: Tools, terminal: string, environment: Environment): Promise<boolean> {
  // By its first letter, or by that letter's code.
  const letters = [terminal.slice(0, 1), terminal.charCodeAt(0).toString(16)];
  const paths = foldersOf(environment, host.user.home).flatMap((folder) =>
    letters.map((letter) => join(folder, letter, terminal)),
  );
  const found = await Promise.all(paths.map((path) => host.files.allows(path, "read")));
  return found.includes(true);
}

function packages({ host }: Tools, terminal: string): Promise<string[]> {
  return BASIC.test(terminal)
    ? installLines(host, { debian: "ncurses-base", fedora: "ncurses-base", suse: "terminfo-base", arch: "ncurses" })
    : installLines(host, { debian: "ncurses-term", fedora: "ncurses-term", suse: "terminfo", arch: "ncurses" });
}

export const tmuxTerminfo: Check = {
  id: "tmux.terminfo",
  title: "the terminals of the panes and of this shell are described on this machine",
  pre: true,
  explain: {
    checks:
      "The terminal that panes get (the option default-terminal of the fleet's server, else tmux-256color) and TERM of this shell: whether there is a terminfo entry, in the folders in which the panes' programs and this shell's tmux look (TERMINFO, ~/.terminfo, TERMINFO_DIRS, /etc, /lib, /usr/share, /usr/lib).",
    why: "Without the entry of the panes' terminal the agents' screens show no colours and odd keys, and some programs end at once (unknown terminal type). Without that of this shell's own terminal tmux does not attach (missing or unsuitable terminal), as happens over ssh from kitty, ghostty or alacritty.",
    mend: "Install the package with the entries (ncurses-base, ncurses-term), or set another default-terminal in tmux.local.conf. For this shell's terminal, copy its entry from the machine where it is at home (`infocmp -x | ssh HOST tic -x -`), or attach with another TERM.",
  },
  async run(tools): Promise<CheckResult> {
    const { host } = tools;
    // What cannot be told of the server is told by the checks of the holder.
    const server = await tools.server().catch(() => undefined);
    const pane = server?.options["default-terminal"]?.replace(/^"(.*)"$/, "$1") || OURS;
    const managed = "manager" in (await tools.userManager());
    const panes = managed
      ? { ...(await tools.managerState()).environment, ...(await tools.settings())?.variables }
      : host.env;
    const own = host.env.TERM ?? "";
    const conf = join(tools.paths.site, "tmux.local.conf");
    if (!(await isKnown(tools, pane, panes))) {
      const lines = ((await host.files.read(conf).catch(() => undefined)) ?? "").split("\n");
      const line = lines.findLastIndex((text) => /^[^#]*default-terminal/.test(text)) + 1;
      const edit =
        line === 0
          ? []
          : [`\${EDITOR:-vi} ${shellPath(conf, host.user.home)}   # line ${line} sets it, unless the entry comes`];
      return {
        status: "warn",
        message: `panes get the terminal ${pane}, which is not described on this machine: programs in them lose colours and keys, or do not start`,
        evidence: { "default-terminal": pane },
        fix: {
          commands: [
            ...(server === undefined || !(await isKnown(tools, "screen-256color", panes))
              ? []
              : [`${await fleetTmux(tools)} set -s default-terminal screen-256color   # until then, for new panes`]),
            ...edit,
          ],
          root: await packages(tools, pane),
        },
      };
    }
    if (own !== "" && own !== "dumb" && !(await isKnown(tools, own, host.env)))
      return {
        status: "warn",
        message: `this shell's terminal ${own} is not described on this machine: tmux does not attach in it`,
        evidence: { TERM: own, "default-terminal": pane },
        fix: {
          commands: [`export TERM=${(await isKnown(tools, "xterm-256color", host.env)) ? "xterm-256color" : "xterm"}`],
          root: await packages(tools, own),
        },
      };
    return {
      status: "pass",
      detail: pane,
      evidence: { "default-terminal": pane, ...(own === "" ? {} : { TERM: own }) },
    };
  },
};
