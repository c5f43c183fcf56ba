import { join } from "node:path";
import { managerProblem } from "../adapters/manager.ts";
import { procfsOf } from "../adapters/procfs.ts";
import { systemdOf } from "../adapters/systemd.ts";
import { tmuxOf } from "../adapters/tmux.ts";
import { FleetError } from "../core/errors.ts";
import { describeResult, succeeded } from "../core/exec.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { agentOfUnit, HOLDER_UNIT } from "../core/names.ts";
import { pathsOf, tilde } from "../core/paths.ts";
import { fleetSocket } from "../core/settings.ts";
import { typed } from "../core/user-bus.ts";
import { ownedFiles } from "../install/assets.ts";
import { type Busy, clearLeftAgents, inTurn, isCanaryAgent, makeAgents, removeCanaryAgents } from "./agents.ts";
import { plantUserConfig } from "./bait.ts";
import { HALF, requireBasics } from "./requires.ts";
import { openSandbox, type Sandbox } from "./sandbox.ts";
import type { DefaultServer, Fleet } from "./step.ts";

export interface FleetOptions {
  readonly sandbox: boolean;
  /** Leaves the sandbox there for a look; the next run clears it. */
  readonly keep: boolean;
  readonly version: string;
  readonly onKept?: (kept: Pick<Sandbox, "root" | "host">) => void;
}

/** `journal`: arguments that make journalctl read what the fleet's units said. */
type Use = (fleet: Fleet, journal: readonly string[]) => Promise<void>;

/** Hands a fleet to `use` and leaves nothing of it behind, however that ends. */
export async function inFleet(host: Host, options: FleetOptions, use: Use): Promise<void> {
  if (!options.sandbox) {
    const problem = await managerProblem(host, await systemdOf(host).managerVersion());
    if (problem !== undefined) {
      const booted = (await host.files.status("/run/systemd/system")) !== undefined;
      const next = [...typed(problem.remedy), ...(booted ? [] : [HALF])];
      throw new FleetError(EXIT.unavailable, "The user manager cannot be reached", problem.cause, next);
    }
    await requireBasics(host);
    return withAgents(host, options, await rememberDefaultServer(host), ["--user"], use);
  }
  const sandbox = await openSandbox(host);
  try {
    await withAgents(sandbox.host, options, await rememberDefaultServer(host), sandbox.journal, use);
  } finally {
    if (options.keep) options.onKept?.(sandbox);
    else await closeSandbox(sandbox);
  }
}

/** Where there is nothing of a layout, and no receipt of one, no promise is broken: nothing can be tried. Throws FleetError (69). */
async function requireLayout(host: Host): Promise<void> {
  const paths = pathsOf(host);
  for (const path of [paths.receipt, ...ownedFiles(paths, 0).map((file) => file.path)])
    if ((await host.files.status(path)) !== undefined) return;
  throw new FleetError(
    EXIT.unavailable,
    "The canary cannot run",
    `nothing is installed here: there is neither ${tilde(join(paths.units, HOLDER_UNIT), host.user.home)} nor another file of the layout`,
    ["mosaic-fleet install", "mosaic-fleet canary --sandbox   # needs nothing installed"],
  );
}

async function closeSandbox(sandbox: Sandbox): Promise<void> {
  const left = await sandbox.close();
  if (left.length > 0)
    throw new FleetError(EXIT.unknown, "The sandbox was not removed whole", `left behind: ${left.join(", ")}`, [
      "mosaic-fleet canary --sandbox",
    ]);
}

function withAgents(
  host: Host,
  options: FleetOptions,
  defaultServer: DefaultServer,
  journal: readonly string[],
  use: Use,
): Promise<void> {
  const busy = notWhileAnother("The canary was not run", "mosaic-fleet canary");
  return inTurn(host, busy, () => useAgents(host, busy, options, defaultServer, journal, use));
}

async function useAgents(
  host: Host,
  busy: Busy,
  options: FleetOptions,
  defaultServer: DefaultServer,
  journal: readonly string[],
  use: Use,
): Promise<void> {
  const systemd = systemdOf(host);
  const socket = await fleetSocket(host);
  const cleared = await clearLeftAgents(host, busy);
  if (!options.sandbox) await requireLayout(host);
  const [holderNow] = await systemd.show([HOLDER_UNIT]);
  const holderRan = cleared?.holderRan ?? holderNow?.active === "active";
  const secret = crypto.randomUUID();
  const agents = await makeAgents(host, secret, holderRan);
  if (options.sandbox) await plantUserConfig(host);
  const tmux = tmuxOf(host, socket);
  const others = () => othersOn(host, tmux);
  try {
    const reloaded = await systemd.daemonReload();
    if (!succeeded(reloaded))
      throw new FleetError(
        EXIT.unknown,
        "The canary was not run",
        `its agents stay unknown: ${describeResult(reloaded)}`,
        ["systemctl --user daemon-reload"],
      );
    await use(
      {
        host,
        sandboxed: options.sandbox,
        version: options.version,
        systemd,
        socket,
        tmux,
        procfs: procfsOf(host),
        ...agents,
        secret,
        defaultServer,
        others,
      },
      journal,
    );
  } finally {
    try {
      if (!(options.sandbox && options.keep)) await removeCanaryAgents(host, agents);
    } finally {
      if (!options.sandbox) await restoreHolder(host, holderRan, others);
    }
  }
}

/** What is on the fleet besides the canary's agents: by name. */
async function othersOn(host: Host, tmux: ReturnType<typeof tmuxOf>): Promise<string[]> {
  const running = (await systemdOf(host).list("mosaic-agent@*")).flatMap(({ unit, active }) =>
    active === "inactive" || active === "failed" ? [] : [agentOfUnit(unit) ?? unit],
  );
  const sessions = (await tmux.panes()).map(({ session }) => session);
  return [...new Set([...running, ...sessions])].filter((name) => !isCanaryAgent(name));
}

/** Why something is not done while a canary runs. */
export function notWhileAnother(what: string, again: string): Busy {
  return (why, pid) => new FleetError(EXIT.unknown, what, why, [`tail --pid=${pid} -f /dev/null && ${again}`]);
}

/**
 * Has the fleet be as canary runs that were killed had found it. Says whether there was anything to clear. Throws FleetError, and
 * `busy` while a run goes on.
 */
export async function clearKilledRuns(host: Host, busy: Busy): Promise<boolean> {
  const cleared = await clearLeftAgents(host, busy);
  if (cleared?.holderRan !== undefined) {
    const tmux = tmuxOf(host, await fleetSocket(host));
    await restoreHolder(host, cleared.holderRan, () => othersOn(host, tmux));
  }
  return cleared !== undefined;
}

/** A holder that was stopped is stopped after, one that ran runs after. Whatever else is on it keeps it as it is. */
async function restoreHolder(host: Host, ranBefore: boolean, others: () => Promise<string[]>): Promise<void> {
  const systemd = systemdOf(host);
  if (ranBefore) await systemd.run("start", [HOLDER_UNIT]);
  else if ((await others()).length > 0) return;
  else {
    await systemd.run("stop", [HOLDER_UNIT]);
    await systemd.run("reset-failed", [HOLDER_UNIT]);
  }
  const [now] = await systemd.show([HOLDER_UNIT]);
  if (now?.active !== (ranBefore ? "active" : "inactive"))
    throw new FleetError(
      EXIT.unknown,
      "The canary did not leave the holder as it was",
      `it ${ranBefore ? "ran" : "was stopped"} before, and is ${now?.active} now`,
      [`systemctl --user ${ranBefore ? "start" : "stop"} ${HOLDER_UNIT}`],
    );
}

/** One line about the default tmux server: its process and its sessions. It is only ever asked, never started. */
export async function rememberDefaultServer(host: Host): Promise<DefaultServer> {
  const tmux = tmuxOf(host, undefined);
  const look = async () => {
    const server = await tmux.server();
    if (server === undefined) return undefined;
    const panes = await tmux.panes();
    return `process ${server.pid}: ${panes.map((pane) => `${pane.sessionId} ${pane.session} (process ${pane.pid})`).join(", ") || "no session"}`;
  };
  return { look, before: await look() };
}
