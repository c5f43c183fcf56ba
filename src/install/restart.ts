import { basename } from "node:path";
import { type Systemd, systemdOf } from "../adapters/systemd.ts";
import { FleetError } from "../core/errors.ts";
import { describeResult, succeeded } from "../core/exec.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { AGENT_TEMPLATE, HOLDER_UNIT } from "../core/names.ts";
import { until } from "../core/until.ts";
import type { OwnedFile } from "./assets.ts";

/** What a unit has read when it started, and reads no more; scripts that end it are read when it ends. */
const READ_AT_START = {
  holder: [HOLDER_UNIT, "start-tmux-holder.sh", "fleet-functions.sh", "tmux.conf"],
  agent: [AGENT_TEMPLATE, "10-mosaic-delay.conf", "start-agent-session.sh", "agent-pane.sh", "fleet-functions.sh"],
};

/** Time for everything to stop and to come back, in milliseconds. */
const RESTART_LIMIT_MS = 180_000;
/** Time for what systemd brings back by itself. */
const SETTLE_LIMIT_MS = 30_000;
/** How long what has started must stay up to count as back. */
const STEADY_MS = 700;

/** Units of the fleet that run, or are about to: agents, then the holder. Throws ToolError. */
export async function runningUnits(host: Host): Promise<string[]> {
  const [agents, [holder]] = await Promise.all([
    systemdOf(host).list("mosaic-agent@*"),
    systemdOf(host).show([HOLDER_UNIT], ["Job"]),
  ]);
  const alive = (active: string) => active !== "inactive" && active !== "failed";
  const units = agents.filter(({ active }) => alive(active)).map(({ unit }) => unit);
  const waits = Number(holder?.extra.Job ?? 0) > 0; // for what it needs, as at boot
  return holder !== undefined && (alive(holder.active) || waits) ? [...units, HOLDER_UNIT] : units;
}

/** Units that run and were started before a file that concerns them was written, or that the manager has not reloaded. */
export async function outdatedUnits(host: Host, files: readonly OwnedFile[]): Promise<string[]> {
  const written = async (names: readonly string[]) => {
    const paths = files.map(({ path }) => path).filter((path) => names.includes(basename(path)));
    const times = await Promise.all(paths.map(async (path) => (await host.files.status(path))?.modified ?? 0));
    return Math.max(0, ...times);
  };
  const [holder, agent, running] = await Promise.all([
    written(READ_AT_START.holder),
    written(READ_AT_START.agent),
    runningUnits(host),
  ]);
  const started = await systemdOf(host).startTimes(running);
  return started
    .filter(({ unit, since, needsReload }) => {
      return needsReload || (since !== undefined && since < (unit === HOLDER_UNIT ? holder : agent));
    })
    .map(({ unit }) => unit);
}

/**
 * Restarts units in the right order and waits until every agent that ran is up again. Returns all that was restarted:
 * with the holder every agent is. Throws FleetError when one does not come back.
 */
export async function restartUnits(host: Host, units: readonly string[]): Promise<string[]> {
  const systemd = systemdOf(host);
  const running = await runningUnits(host);
  const holder = units.includes(HOLDER_UNIT);
  const affected = holder ? running : running.filter((unit) => units.includes(unit));
  const before = await systemd.startTimes(affected);
  const what = "The fleet was not restarted whole";
  // What has crashed a few times, or was started often, may not be started much more: this one is wanted.
  await systemd.run("reset-failed", affected);
  // Agents require the holder: systemd stops them with it, and starts them after it.
  const result = await systemd.run("restart", holder ? [HOLDER_UNIT] : affected, RESTART_LIMIT_MS);
  if (!succeeded(result))
    throw new FleetError(EXIT.broken, what, describeResult(result), ["systemctl --user status 'mosaic-*'"]);
  const agents = affected.filter((unit) => unit !== HOLDER_UNIT);
  // Joins the starts that are under way, and waits for them; one that fails may still be brought back by systemd.
  if (agents.length > 0) await systemd.run("start", agents, RESTART_LIMIT_MS);
  let left = affected;
  await until(host, SETTLE_LIMIT_MS, async () => {
    const now = await systemd.startTimes(affected);
    left = affected.filter((unit) => (sinceOf(now, unit) ?? 0) <= (sinceOf(before, unit) ?? 0));
    // Those that systemd has given up do not come back.
    const given = now.filter(({ active }) => active === "failed" || active === "inactive").map(({ unit }) => unit);
    if (left.length > 0) return left.every((unit) => given.includes(unit)) || undefined;
    // One that ends at once was up, too.
    await host.pause(STEADY_MS);
    const later = await systemd.startTimes(affected);
    left = affected.filter((unit) => sinceOf(later, unit) !== sinceOf(now, unit));
    return left.length === 0 || undefined;
  });
  if (left.length === 0) return affected;
  throw new FleetError(EXIT.broken, what, `not back: ${left.join(", ")}`, [
    `systemctl --user status ${left.join(" ")}`,
  ]);
}

function sinceOf(times: Awaited<ReturnType<Systemd["startTimes"]>>, unit: string): number | undefined {
  return times.find((each) => each.unit === unit)?.since;
}
