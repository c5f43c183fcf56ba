import type { Host } from "../core/host.ts";

/**
 * Whether the user's manager, and with it the fleet, stays after logout. By logind's own mark, which works
 * without a bus; exit codes of loginctl say nothing. undefined when it cannot be told.
 */
export async function lingers(host: Pick<Host, "files" | "exec">, user: string): Promise<boolean | undefined> {
  const marks = "/var/lib/systemd/linger";
  if ((await host.files.status(`${marks}/${user}`)) !== undefined) return true;
  if ((await host.files.status(marks)) !== undefined) return false;
  const result = await host.exec(["loginctl", "show-user", user, "-p", "Linger", "--value"], { timeoutMs: 5_000 });
  const said = result.stdout.trim();
  return said === "yes" ? true : said === "no" ? false : undefined;
}
