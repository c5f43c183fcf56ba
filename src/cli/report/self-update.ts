import type { Output } from "../../core/host.ts";
import { tilde } from "../../core/paths.ts";
import type { Updated, UpdateEvent, WentBack } from "../../update/update.ts";
import { paint } from "./paint.ts";

/** What happens, a line each on stdout; how far a download is, on a terminal. */
export function renderEvents(output: Output, progress: Output): (event: UpdateEvent) => void {
  const clear = () => progress.isTTY && progress.write("\r\x1b[K");
  return (event) => {
    if (event.kind === "progress") {
      const of = event.total === undefined ? "" : ` of ${megabytes(event.total)}`;
      if (progress.isTTY) progress.write(`\r\x1b[K${megabytes(event.bytes)}${of} MB`);
      return;
    }
    clear();
    if (event.kind === "fetching") output.write(`fetching ${event.what}\n`);
    if (event.kind === "verified")
      output.write(
        event.signature ? "signature good, SHA-256 good\n" : "SHA-256 good, by the list that came with it\n",
      );
    if (event.kind === "proving") output.write(`trying its ${event.what}\n`);
  };
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

const LAYOUT = "The layout is still as it was. What would change: mosaic-fleet install --dry-run\n";

/** What a self-update came to. */
export function renderUpdated(output: Output, updated: Updated, options: { home: string; dryRun: boolean }): void {
  const { green, yellow, bold } = paint(output);
  const { change, current, offered, place } = updated;
  const path = tilde(place, options.home);
  if (change === "same") output.write(`${green("Up to date")}: ${path} is ${current}, as ${updated.from} has it.\n`);
  else if (options.dryRun) {
    const what = {
      update: `${offered} is there, this is ${current}`,
      downgrade: `${current} is newer than ${offered}, the newest there`,
      other: `${offered} is there, as this is, but of other bytes`,
    }[change];
    output.write(`${what}.\n  from     ${updated.from}\n  target   ${updated.target}\n  SHA-256  ${updated.sha256}\n`);
    output.write(`  to       ${path}\nNothing was written.\n`);
  } else {
    output.write(`${green("Updated")} from ${current} to ${bold(offered)}: ${path}\n`);
    output.write(`${current} is kept beside it, as .previous. Back again: mosaic-fleet self-update --rollback\n`);
    if (updated.layout) output.write(LAYOUT);
    if (updated.doctor !== null && updated.doctor !== "pass")
      output.write(
        `${yellow("Doctor")} finds nothing that is new with this version, but is not content: mosaic-fleet doctor\n`,
      );
    if (updated.canary !== null && updated.canary !== "pass")
      output.write(
        `${yellow("The canary")} does no better with either version (${updated.canary}): mosaic-fleet canary --sandbox\n`,
      );
  }
}

export function renderWentBack(output: Output, { from, to, place, layout }: WentBack, home: string): void {
  const { green, bold } = paint(output);
  output.write(`${green("Went back")} from ${from ?? "what does not run"} to ${bold(to)}: ${tilde(place, home)}\n`);
  output.write("Back again: mosaic-fleet self-update --rollback\n");
  if (layout) output.write("The layout is as it was; that of the version before:  mosaic-fleet rollback --dry-run\n");
}
