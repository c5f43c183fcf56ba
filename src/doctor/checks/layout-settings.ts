import { join } from "node:path";
import { describeError } from "../../core/errors.ts";
import { tilde } from "../../core/paths.ts";
import { moveAside, shellPath } from "../../core/shell.ts";
import type { Check, Fix } from "../check.ts";
import { closedFolder } from "../closed-folder.ts";
import { pipeAside } from "../pipe.ts";
import type { Tools } from "../tools.ts";

export const layoutSettings: Check = {
  id: "layout.settings",
  title: "the fleet's settings can be read",
  explain: {
    checks:
      "Whether fleet.env, tmux.local.conf and the folder agents in ~/.config/mosaic/fleet can be read by this user, where they are there.",
    why: "systemd and tmux pass over a settings file that they cannot read, without a word: every agent then starts with other settings than you wrote, without its PATH and its keys.",
    mend: "Give yourself the right to read (chmod u+r), move what is in the place of a file aside, or point a link to where its file is now.",
  },
  async run(tools) {
    const { paths, host } = tools;
    const problems = await Promise.all([
      fileProblem(tools, join(paths.site, "fleet.env"), {
        without: "no agent gets its settings",
        waits: "systemd opens it at the next start, waits for ever, and with it all of this user's units",
      }),
      folderProblem(tools, paths.agents, "no agent gets settings of its own"),
      fileProblem(tools, join(paths.site, "tmux.local.conf"), {
        without: "the tmux server starts without your settings",
        waits: "the tmux server opens it at its next start, waits for ever, and does not come up",
      }),
    ]);
    const found = problems.flatMap((problem) => problem ?? []);
    if (found.length === 0) return { status: "pass" };
    return {
      status: "fail",
      unreadable: true,
      message: found
        .map(({ path, why, without }) => `${tilde(path, host.user.home)} cannot be read (${why}): ${without}`)
        .join("; "),
      fix: (await closedFolder(tools, [paths.site]))?.fix ?? {
        commands: found.flatMap(({ fix }) => fix.commands ?? []),
      },
    };
  },
};

interface Problem {
  readonly path: string;
  readonly why: string;
  readonly without: string;
  readonly fix: Fix;
}

/** `without`: what comes of it that the file is not read; `waits`: that whoever reads it waits. */
async function fileProblem(
  { host }: Tools,
  path: string,
  { without, waits }: { readonly without: string; readonly waits: string },
): Promise<Problem | undefined> {
  const { home } = host.user;
  const typed = shellPath(path, home);
  const problem = (why: string, commands: readonly string[]) => ({ path, why, without, fix: { commands } });
  try {
    const own = await host.files.status(path);
    const real = own?.kind === "link" ? await host.files.realPath(path) : path;
    if (own === undefined || real === "/dev/null") return undefined; // as good as an empty file
    // Of a link what it leads to: a read of a pipe or a device may never end.
    const { kind } = (real === undefined ? undefined : await host.files.status(real)) ?? own;
    if (kind === "other") {
      const commands = [pipeAside(path, home, "yours")];
      return { path, why: "a pipe or a device is in its place", without: waits, fix: { commands } };
    }
    if (kind !== "file" && kind !== "link") return problem(`a ${kind} is in its place`, [moveAside(path, "yours")]);
    if ((await host.files.readBytes(path)) !== undefined) return undefined;
    const target = await host.files.readLink(path);
    return problem(`it is a link to ${target}, which is not there; put the file there, or remove the link`, [
      `rm ${typed}`,
    ]);
  } catch (error) {
    const mends = (error as { code?: string }).code === "EACCES" ? [`chmod u+r ${typed}`] : [moveAside(path, "yours")];
    return problem(describeError(error), mends);
  }
}

async function folderProblem({ host }: Tools, path: string, without: string): Promise<Problem | undefined> {
  const problem = (why: string, commands: readonly string[]) => ({ path, why, without, fix: { commands } });
  try {
    if ((await host.files.status(path)) === undefined) return undefined;
    const real = await host.files.realPath(path);
    const status = real === undefined ? undefined : await host.files.status(real);
    if (status?.kind === "folder") {
      await host.files.list(path);
      return undefined;
    }
    const why = status === undefined ? "it is a link to nothing" : `a ${status.kind} is in its place`;
    return problem(why, [moveAside(path, "yours"), `mkdir ${shellPath(path, host.user.home)}`]);
  } catch (error) {
    return problem(describeError(error), [`chmod u+rwx ${shellPath(path, host.user.home)}`]);
  }
}
