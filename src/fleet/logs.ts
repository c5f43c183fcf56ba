import { join } from "node:path";
import { type JournalQuery, journalProblem, readJournal } from "../adapters/journal.ts";
import { FleetError } from "../core/errors.ts";
import { describeResult, succeeded } from "../core/exec.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { agentUnit } from "../core/names.ts";
import { pathsOf } from "../core/paths.ts";
import { redactorFor } from "../core/redact.ts";
import { shellWord } from "../core/shell.ts";
import { visible, visibleInColour } from "../core/visible.ts";
import { selectFrom } from "./select.ts";
import { readSettings } from "./settings-files.ts";

const WHAT = "The journal cannot be read";

/**
 * Gives each line of the journal of an agent's unit, without its secrets, oldest first; how many there were. An agent that has been
 * removed still has its journal. Ends where `host.interrupted` is aborted, or nobody reads stdout any more. Throws FleetError:
 * 64 for what journalctl does not understand, and for a name that neither the journal nor anybody else knows; 69 without a journal.
 */
export async function agentLogs(
  host: Host,
  name: string,
  query: JournalQuery,
  say: (line: string) => void,
): Promise<number> {
  if (query.follow) await mustHaveJournal(host, name);
  const { site, agents } = pathsOf(host);
  // Paths stay as they are: what stands in a journal is read by programs, too.
  const redactor = redactorFor("");
  redactor.learn(host.env);
  await Promise.all(
    [join(site, "fleet.env"), join(agents, `${name}.env`)].map((file) => readSettings(host, file, redactor)),
  );
  const shown = query.colours ? visibleInColour : visible;
  let count = 0;
  const line = (text: string) => {
    if (NO_ENTRY.test(text)) return;
    count++;
    say(shown(redactor.redact(text)));
  };
  const cancelled = AbortSignal.any([host.interrupted, host.stdout.gone]);
  const result = await readJournal(host, agentUnit(name), query, line, cancelled);
  if (cancelled.aborted) return count;
  if (!succeeded(result)) {
    await mustHaveJournal(host, name);
    const asked = query.since !== undefined && /timestamp/.test(result.stderr);
    if (asked) throw new FleetError(EXIT.usage, `--since ${query.since} is no time`, TIMES, ["man systemd.time"]);
    throw new FleetError(EXIT.oserr, WHAT, describeResult(result), [`journalctl --user-unit ${agentUnit(name)}`]);
  }
  if (count === 0) {
    await mustHaveJournal(host, name);
    await selectFrom(host, { names: [name], all: false });
  }
  return count;
}

/** What journalctl says of the journal itself. */
const NO_ENTRY = /^-- (No entries|(Journal|Logs) begins?) /;
const TIMES = 'such are 10m, 2h, yesterday, "2026-01-31 12:00"';

async function mustHaveJournal(host: Host, name: string): Promise<void> {
  const problem = await journalProblem(host);
  if (problem === undefined) return;
  const status = `systemctl --user status ${agentUnit(name)}`;
  const [why, next] = {
    missing: ["journalctl is not installed, or not on PATH", status],
    none: ["this machine keeps none, or its systemd-journald does not run", status],
    "not-ours": [
      "its files are not this user's to read; log in anew after the command",
      `sudo usermod -aG systemd-journal ${shellWord(host.user.name)}`,
    ],
  }[problem] as [string, string];
  throw new FleetError(EXIT.unavailable, WHAT, why, [next]);
}
