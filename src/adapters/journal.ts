import { succeeded } from "../core/exec.ts";
import type { Host } from "../core/host.ts";

/** What the user's units said under a tag since a moment, oldest first; empty where there is no journal to read. */
export async function saidSince(host: Pick<Host, "exec">, tag: string, since: Date): Promise<string[]> {
  const from = `--since=@${Math.floor(since.getTime() / 1000)}`;
  const result = await host.exec([
    "journalctl",
    "--user",
    "-q",
    "--no-pager",
    "-o",
    "cat",
    "-t",
    tag,
    "-n",
    "1000",
    from,
  ]);
  return succeeded(result) ? result.stdout.split("\n").filter((line) => line !== "") : [];
}
