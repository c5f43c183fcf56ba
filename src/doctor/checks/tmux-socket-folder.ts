import { dirname } from "node:path";
import { socketFolder } from "../../adapters/tmux.ts";
import type { FileStatus } from "../../core/host.ts";
import { moveAside, shellPath, shellWord } from "../../core/shell.ts";
import type { Check, CheckResult, Fix } from "../check.ts";
import type { Tools } from "../tools.ts";

/** tmux refuses a folder with any of these. */
const OTHERS = 0o007;

/** Why tmux takes no socket there; undefined when it does. */
function refusal(
  { host: { user } }: Tools,
  folder: string,
  status: FileStatus | undefined,
): { message: string; fix: Fix } | undefined {
  if (status === undefined) return undefined; // the first client makes it
  const aside = moveAside(folder, "aside");
  if (status.uid !== user.uid)
    return {
      message: `${folder} belongs to uid ${status.uid}: tmux refuses it, so that none of its servers there can be founded or reached by name`,
      fix: { root: [aside] },
    };
  if (status.kind !== "folder")
    return {
      message: `${folder} is no folder: tmux refuses it, so that none of its servers there can be founded or reached by name`,
      fix: { commands: [aside] },
    };
  if ((status.mode & OTHERS) === 0) return undefined;
  return {
    message: `${folder} is open to other users (mode ${status.mode.toString(8)}): tmux refuses it, so that none of its servers there can be founded or reached by name`,
    fix: { commands: [`chmod 700 ${shellPath(folder, user.home)}`] },
  };
}

export const tmuxSocketFolder: Check = {
  id: "tmux.socket-folder",
  title: "tmux takes its folder of sockets, and this shell and the holder have the same",
  pre: true,
  explain: {
    checks:
      "The folder tmux-UID below TMUX_TMPDIR, or below /tmp: that it is a folder of this user's, closed to others, and that TMUX_TMPDIR leads anywhere; and that the folder in which the holder serves is the one where a tmux of this shell looks.",
    why: "tmux refuses a folder of another owner, or with any permission for others: then the holder cannot be founded again, and `tmux -L mosaic-factory` is refused. Where TMUX_TMPDIR names a folder that is gone, tmux takes /tmp without a word; and a shell with another TMUX_TMPDIR than the user manager's sees none of the fleet's sessions.",
    mend: "Close the folder (chmod 700) or move what is in its place aside. Set TMUX_TMPDIR to the same folder in the shell and in the user manager (`systemctl --user show-environment`), best in neither.",
  },
  async run(tools): Promise<CheckResult> {
    const { host } = tools;
    const { home } = host.user;
    const record = await tools.holderRecord();
    const shell = await socketFolder(host);
    const holder = record === undefined ? shell : dirname(record.socketPath);
    const evidence = {
      "this shell's": shell,
      ...(record === undefined ? {} : { "the holder's": holder }),
      ...(host.env.TMUX_TMPDIR ? { TMUX_TMPDIR: host.env.TMUX_TMPDIR } : {}),
    };
    // The base may be a link; the folder itself may not.
    const [realShell, realHolder] = await Promise.all(
      [shell, holder].map(async (folder) => (await host.files.realPath(folder)) ?? folder),
    );
    const same = realShell === realHolder;
    for (const folder of same ? [shell] : [shell, holder]) {
      const refused = refusal(tools, folder, await host.files.status(folder));
      if (refused !== undefined) return { status: "fail", ...refused, evidence };
    }
    if (record !== undefined && !same) {
      const base = dirname(holder);
      return {
        status: "warn",
        message: `the holder serves in ${holder}, and tmux in this shell looks in ${shell}: tmux -L ${record.socketName} sees no session of the fleet`,
        evidence,
        fix: { commands: [base === "/tmp" ? "unset TMUX_TMPDIR" : `export TMUX_TMPDIR=${shellWord(base)}`] },
      };
    }
    const wanted = host.env.TMUX_TMPDIR;
    if (wanted && (await host.files.realPath(wanted)) === undefined)
      return {
        status: "warn",
        message: `TMUX_TMPDIR is ${wanted}, which is not there: tmux takes ${dirname(shell)} without a word, until somebody makes it`,
        evidence,
        fix: { commands: ["unset TMUX_TMPDIR", `mkdir -p ${shellPath(wanted, home)}   # or so, if it is meant`] },
      };
    return { status: "pass" };
  },
};
