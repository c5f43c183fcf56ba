import { dirname, join } from "node:path";
import { describeResult, succeeded } from "../core/exec.ts";
import type { Host } from "../core/host.ts";
import { pathsOf, tilde } from "../core/paths.ts";
import { agentFile, fileProblems, replaceAgentFile } from "../fleet/agent-config.ts";
import { readOwnFile, same } from "../fleet/own-file.ts";

/** What a POSIX shell exits with where there is no such program. */
const NOT_FOUND = 127;

/**
 * An agent's file in the user's editor, as visudo does it: on a copy, which is taken when systemd reads it as it is meant, and
 * kept where it cannot be. Says whether anything changed; undefined when nothing was taken, which is said. Throws FleetError.
 */
export async function editInEditor(host: Host, name: string): Promise<boolean | undefined> {
  const { bytes } = await readOwnFile(host, agentFile(host, name));
  // In the user's own runtime folder, in memory: there may be keys in it.
  const copy = join(
    await host.files.makeTemporaryFolder(join(pathsOf(host).runtime ?? "/tmp", "mosaic-edit-")),
    `${name}.env`,
  );
  await host.files.writeAtomic(copy, bytes ?? new Uint8Array(), 0o600);
  let keep = false;
  try {
    for (;;) {
      const editor = host.env.VISUAL || host.env.EDITOR || "vi";
      // A shell, because the variable may hold a command with arguments.
      const ended = await host.foreground(["/bin/sh", "-c", `${editor} "$1"`, "sh", copy]);
      const edited = (await host.files.readBytes(copy)) ?? new Uint8Array();
      const changed = !same(edited, bytes ?? new Uint8Array());
      if (!succeeded(ended)) {
        keep = changed;
        const kept = changed ? `; what you wrote is in ${tilde(copy, host.user.home)}` : "";
        const why = describeResult({ ...ended, argv: [editor] });
        host.stderr.write(`The editor failed, and nothing was changed${kept}.\n  Why:  ${why}\n`);
        if (ended.kind === "exited" && ended.code === NOT_FOUND)
          host.stderr.write(
            `  Next: EDITOR=nano mosaic-fleet agent edit ${name}\n          # or another editor that is here\n`,
          );
        return undefined;
      }
      if (!changed) return false;
      const problems = fileProblems(host, name, edited);
      if (problems.length === 0) {
        keep = true;
        await replaceAgentFile(host, name, bytes, edited, copy);
        keep = false;
        return true;
      }
      host.stderr.write(`This would not reach the agent:\n${problems.map((problem) => `  ${problem}\n`).join("")}`);
      if (
        (await host.choose("Edit again, or discard what you wrote? [edit/discard] ", ["edit", "discard"])) !== "edit"
      ) {
        host.stderr.write("Nothing was changed.\n");
        return undefined;
      }
    }
  } finally {
    if (!keep) await host.files.removeTree(dirname(copy));
  }
}
