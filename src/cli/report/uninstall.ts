import { basename } from "node:path";
import type { Output } from "../../core/host.ts";
import { LIMITS_DROP_IN } from "../../core/names.ts";
import { tilde } from "../../core/paths.ts";
import { visible } from "../../core/visible.ts";
import type { Seen, Uninstalled } from "../../install/uninstall.ts";
import { paint } from "./paint.ts";
import { renderPlan } from "./plan.ts";
import { hanging } from "./text.ts";

/** What makes an uninstall worth a question. */
export function renderGrave(output: Output, { running, site }: Seen, options: { home: string; purge: boolean }): void {
  list(output, "These run, and will be stopped:", running);
  if (options.purge) renderSite(output, site, options.home);
}

function renderSite(output: Output, site: readonly string[], home: string): void {
  const paths = site.map((path) => visible(tilde(path, home)));
  list(output, "These files are yours, and will be removed when an archive of them is in your home folder:", paths);
}

function list(output: Output, title: string, items: readonly string[]): void {
  const { bold } = paint(output);
  if (items.length > 0)
    output.write(`${bold(hanging(output, 0, title))}\n${items.map((item) => `  ${item}\n`).join("")}`);
}

/** The plan, a line a step, and what became of it. */
export async function renderUninstalled(
  output: Output,
  { plan, applied, installed, site, archive, enabled, cutOff, shown }: Uninstalled,
  options: { home: string; dryRun: boolean; purge: boolean },
): Promise<void> {
  const { green, bold } = paint(output);
  await renderPlan(output, plan, { home: options.home, diffs: options.dryRun, cutOff, site: shown });
  if (options.dryRun && options.purge) renderSite(output, site, options.home);
  if (!installed) output.write("Nothing is installed.\n");
  else if (options.dryRun) output.write("\nDry run: nothing was removed.\n");
  else if (applied) output.write(`\n${green("Removed.")} To have it back: mosaic-fleet install\n`);
  if (archive !== undefined)
    output.write(
      `Your ${counted(site.length, "file")} ${site.length === 1 ? "is" : "are"} kept in ${bold(tilde(archive, options.home))}, for you alone.\n`,
    );
  else if (site.length > 0 && !options.purge) output.write(`Your settings stay: ${staying(site)}\n`);
  if (enabled.length > 0)
    output.write(`What you have enabled stays so. To undo it: ${bold(disableCommand(enabled))}\n`);
}

function staying(site: readonly string[]): string {
  const limits = site.filter((path) => basename(path) === LIMITS_DROP_IN).length;
  const settings = site.length - limits;
  return [
    ...(settings > 0 ? [`${counted(settings, "file")} in ~/.config/mosaic/fleet`] : []),
    ...(limits > 0 ? [`the limits of ${counted(limits, "agent")} in ~/.config/systemd/user`] : []),
  ].join(", ");
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** What undoes the user's own enabling of units. */
export function disableCommand(units: readonly string[]): string {
  return `systemctl --user disable ${units.join(" ")}`;
}
