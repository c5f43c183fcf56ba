import { join, resolve } from "node:path";
import { didYouMean } from "../../core/did-you-mean.ts";
import { describeError, FleetError } from "../../core/errors.ts";
import { describeResult, succeeded } from "../../core/exec.ts";
import { EXIT } from "../../core/exit.ts";
import type { Host } from "../../core/host.ts";
import { shellPath } from "../../core/shell.ts";
import { defineCommand, listOf, UsageError } from "../command.ts";
import { commands } from "../commands.ts";
import { type ManualPage, manual, pageOf } from "../manual.ts";

export const command = defineCommand({
  name: "man",
  summary: "Shows the page of the manual of this program, or of a command; to a file or a pipe it prints its source.",
  args: {
    dir: { type: "string", valueHint: "DIR", description: "write every page there instead, for man to find" },
    command: { type: "positional", required: false, description: "a command, such as doctor or agent start" },
  },
  lists: ["command"],
  completes: { dir: "folder", command: "command" },
  examples: [
    ["mosaic-fleet man", "the page of the program"],
    ["mosaic-fleet man agent start", "the page of a command"],
    ["mosaic-fleet man --dir ~/.local/share/man/man1", "from then on: man mosaic-fleet-agent-start"],
  ],
  exits: [
    [EXIT.ok, "shown, printed or written"],
    [EXIT.usage, "wrong usage, or no such command"],
    [EXIT.unavailable, "man is not installed, or failed"],
    [EXIT.cantcreate, "a page cannot be written"],
  ],
  async run(host, { dir, command: words }) {
    const date = dateOf(host);
    const name = listOf(words)?.join(" ");
    if (dir !== undefined) {
      if (name !== undefined) throw new UsageError("--dir writes every page: it takes no command");
      const folder = resolve(dir);
      const pages = await manual(date);
      await write(host, folder, pages);
      host.stdout.write(`Wrote ${pages.length} pages to ${shellPath(folder, host.user.home)}.\n`);
      return EXIT.ok;
    }
    const page = await pageOf(name ?? "", date);
    if (page === undefined)
      throw new UsageError(
        `no command ${name}${didYouMean(name ?? "", Object.keys(commands))}; mosaic-fleet help has them all`,
      );
    if (host.stdout.isTTY) await show(host, page);
    else host.stdout.write(page.text);
    return EXIT.ok;
  },
});

/** A page is the same whenever it is made: only who builds a package knows its day. */
function dateOf({ env }: Host): string {
  const seconds = env.SOURCE_DATE_EPOCH ?? "";
  if (!/^\d{1,11}$/.test(seconds)) return "";
  return new Date(Number(seconds) * 1000).toISOString().slice(0, 10);
}

async function write(host: Host, folder: string, pages: readonly ManualPage[]): Promise<void> {
  try {
    await host.files.makeFolder(folder);
    for (const { name, text } of pages) await host.files.writeAtomic(join(folder, `${name}.1`), text, 0o644);
  } catch (error) {
    throw new FleetError(EXIT.cantcreate, "The pages of the manual cannot be written", describeError(error), [
      "mosaic-fleet man --dir DIR   # a folder that you may write",
    ]);
  }
}

async function show(host: Host, { name, text }: ManualPage): Promise<void> {
  const folder = await host.files.makeTemporaryFolder(join("/tmp", "mosaic-man-"));
  try {
    const file = join(folder, `${name}.1`);
    await host.files.writeAtomic(file, text, 0o600);
    // With a slash in it, it is a file to every man.
    const ended = await host.foreground(["man", file]);
    if (succeeded(ended)) return;
    const words = name.replace(/^mosaic-fleet-?/, "").replaceAll("-", " ");
    throw new FleetError(
      EXIT.unavailable,
      "The page cannot be shown",
      ended.kind === "not-found" ? "man is not installed" : describeResult(ended),
      [`mosaic-fleet help ${words}`.trimEnd()],
    );
  } finally {
    await host.files.removeTree(folder);
  }
}
