import { join } from "node:path";
import { saidSince } from "../adapters/journal.ts";
import type { Manager } from "../adapters/manager.ts";
import { systemdOf } from "../adapters/systemd.ts";
import { tmuxOf } from "../adapters/tmux.ts";
import { FleetError } from "../core/errors.ts";
import { type ExecResult, succeeded } from "../core/exec.ts";
import { EXIT, exitOfInterrupt } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { agentUnit } from "../core/names.ts";
import { pathsOf } from "../core/paths.ts";
import { shellPath } from "../core/shell.ts";
import { lastEnd } from "./ended.ts";
import { type Judgement, judgeAgent } from "./judge.ts";
import { readScene, type Scene } from "./scene.ts";
import { withManager } from "./user-manager.ts";

/** What became of one agent. */
export interface AgentResult {
  readonly name: string;
  readonly outcome: "ok" | "failed";
  /** In a few words, for people. */
  readonly message: string;
}

/** Who wants to know how far it is. */
export interface Watching {
  /** Called now and then while systemd is at it: how many of them it is done with. */
  readonly onProgress?: (done: number, of: number) => void;
}

/** Why an order came to nothing where nothing is wrong. */
export const OVERTAKEN = "another start, stop or restart of it came meanwhile";

/** systemd gives each its own time (five minutes for a start); this is for a manager that hangs, in milliseconds. */
const ORDER_LIMIT_MS = 15 * 60_000;
/** For what systemd brings back by itself, after a crash of the server for instance. */
const SETTLE_LIMIT_MS = 15_000;
/** How long a program must have run to count as up: one that ends at once was started, too. */
const STEADY_MS = 500;
const LOOK_EVERY_MS = 100;
const PROGRESS_EVERY_MS = 300;

/**
 * Starts agents by one systemctl call and waits for the truth: unit, session and process of each. Throws FleetError where
 * the user manager cannot be reached, or at an interrupt.
 */
export function startAgents(host: Host, names: readonly string[], watching: Watching = {}): Promise<AgentResult[]> {
  return bringUp(host, "start", names, watching);
}

/** As startAgents(), with a new process for each that runs; those that are stopped are started. */
export function restartAgents(host: Host, names: readonly string[], watching: Watching = {}): Promise<AgentResult[]> {
  return bringUp(host, "restart", names, watching);
}

async function bringUp(
  host: Host,
  verb: "start" | "restart",
  names: readonly string[],
  watching: Watching,
): Promise<AgentResult[]> {
  if (names.length === 0) return [];
  await refusePipes(host, names, `Nothing was ${verb}ed`);
  return withManager(host, `Nothing was ${verb}ed`, async (manager) => {
    const since = host.date();
    const before = await readScene(host, manager);
    const failed = names.filter((name) => before.units.get(name)?.active === "failed");
    // A restart by hand is no crash: without this ten of them in ten minutes would hit the start limit.
    const reset = verb === "start" ? failed : names.filter((name) => before.units.has(name));
    if (reset.length > 0) await systemdOf(host).run("reset-failed", reset.map(agentUnit));
    const ordered = await order(host, manager, verb, names, watching);
    const settled = await settle(host, manager, names);
    const said = [...settled.values()].some(({ state }) => state !== "up") ? await lastWords(host, since) : new Map();
    return names.map((name): AgentResult => {
      const end = settled.get(name);
      if (end?.state !== "up")
        return {
          name,
          outcome: "failed",
          message: said.get(name) ?? (end?.ended || refusal(ordered, name) || unsaid(end?.seen)),
        };
      const pid = end.pid;
      if (before.panes.get(name)?.pid === pid) {
        if (verb === "start") return { name, outcome: "ok", message: `is up already, pid ${pid}` };
        const why = refusal(ordered, name) ?? "systemd did not do it";
        return { name, outcome: "failed", message: `not restarted, pid ${pid} as before: ${why}` };
      }
      const given = failed.includes(name) ? "; it had failed, which was reset" : "";
      return { name, outcome: "ok", message: `${verb}ed, pid ${pid}${given}` };
    });
  });
}

/**
 * systemd opens an agent's file itself, and at a pipe in its place it waits for ever, and with it all of the user's units. Throws
 * FleetError (1).
 */
async function refusePipes(host: Host, names: readonly string[], nothing: string): Promise<void> {
  for (const name of names) {
    const path = join(pathsOf(host).agents, `${name}.env`);
    const own = await host.files.status(path);
    const real = own?.kind === "link" ? await host.files.realPath(path) : path;
    const status = real === path ? own : await host.files.status(real ?? path);
    if (status?.kind !== "other" || real === "/dev/null") continue;
    throw new FleetError(EXIT.broken, nothing, `${path} is no file: systemd itself would wait at it for ever`, [
      `rm ${shellPath(path, host.user.home)}`,
      `mosaic-fleet agent edit ${name}`,
    ]);
  }
}

/** Stops agents by one systemctl call, and closes what sessions are left of them. Throws as startAgents(). */
export async function stopAgents(
  host: Host,
  names: readonly string[],
  watching: Watching = {},
): Promise<AgentResult[]> {
  if (names.length === 0) return [];
  return withManager(host, "Nothing was stopped", async (manager) => {
    const before = await readScene(host, manager);
    const ordered = await order(host, manager, "stop", names, watching);
    let scene = await readScene(host, manager);
    const failed = names.filter((name) => scene.units.get(name)?.active === "failed");
    if (failed.length > 0) await systemdOf(host).run("reset-failed", failed.map(agentUnit));
    // systemd runs nothing of ours for a stop during the restart delay, nor for one that is stopped already.
    const left = leftSessions(scene, names);
    for (let tries = 0; tries < 3 && leftSessions(scene, names).length > 0; tries++) {
      await tmuxOf(host, scene.socketPath).killSessions(leftSessions(scene, names));
      scene = await readScene(host, manager);
    }
    const remain = leftSessions(scene, names);
    return names.map((name): AgentResult => {
      const active = scene.units.get(name)?.active ?? "inactive";
      if (active !== "inactive" && active !== "failed")
        return { name, outcome: "failed", message: refusal(ordered, name) ?? `its unit is ${active}` };
      if (remain.includes(name)) return { name, outcome: "failed", message: "its session does not close" };
      const was = before.units.get(name)?.active ?? "inactive";
      if (failed.includes(name)) return { name, outcome: "ok", message: "stopped; its unit had failed" };
      if (was !== "inactive") return { name, outcome: "ok", message: "stopped" };
      return { name, outcome: "ok", message: left.includes(name) ? "its session was closed" : "is stopped already" };
    });
  });
}

/** Sessions of stopped agents: with a dead pane, or with a program that nothing supervises; never another agent's. */
function leftSessions(scene: Scene, names: readonly string[]): string[] {
  return names.filter((name) => {
    const active = scene.units.get(name)?.active ?? "inactive";
    if (!scene.panes.has(name) || (active !== "inactive" && active !== "failed")) return false;
    return judge(scene, name).finding !== "renamed";
  });
}

function judge(scene: Scene, name: string): Judgement {
  const pane = scene.panes.get(name);
  return judgeAgent({ name, unit: scene.units.get(name), restarts: 0, enabled: false, masked: false, pane }, scene);
}

/** One call for all of them. Throws FleetError at an interrupt: what systemd was told, it does. */
async function order(
  host: Host,
  manager: Manager,
  verb: "start" | "stop" | "restart",
  names: readonly string[],
  { onProgress }: Watching,
): Promise<ExecResult> {
  const over = new AbortController();
  const report = async () => {
    let told = 0;
    while (onProgress !== undefined && !over.signal.aborted) {
      const busy = (await manager.loaded("mosaic-agent@*.service")).filter(({ job }) => job !== "");
      const units = new Set(busy.map(({ unit }) => unit));
      const waiting = names.map((name) => units.has(agentUnit(name)));
      // systemctl tells systemd of one after the other: of those behind the last that has a job it has not told yet.
      told = Math.max(told, waiting.lastIndexOf(true) + 1);
      if (!over.signal.aborted) onProgress(told - waiting.filter(Boolean).length, names.length);
      await host.pause(PROGRESS_EVERY_MS, over.signal);
    }
  };
  const reported = report().catch(() => undefined); // no progress is no failure
  const result = await host.exec(["systemctl", "--user", "--no-pager", verb, "--", ...names.map(agentUnit)], {
    timeoutMs: ORDER_LIMIT_MS,
    cancelled: host.interrupted,
  });
  over.abort();
  await reported;
  if (host.interrupted.aborted)
    throw new FleetError(
      exitOfInterrupt(host.interrupted.reason),
      "Interrupted",
      "what systemd was told to do, it does",
      ["systemctl --user list-jobs"],
    );
  return result;
}

type Settled =
  | { readonly state: "up"; readonly pid: number }
  | {
      readonly state: "down";
      /** How it ended; "" where nothing tells. */
      readonly ended: string;
      readonly seen: string;
    };

/** Looks until each is up for good or is given up, at most SETTLE_LIMIT_MS. */
async function settle(host: Host, manager: Manager, names: readonly string[]): Promise<Map<string, Settled>> {
  const settled = new Map<string, Settled>();
  const firstRestarts = new Map<string, number>();
  const ended = new Map<string, string>();
  const deadline = host.now() + SETTLE_LIMIT_MS;
  for (;;) {
    const scene = await readScene(host, manager);
    const last = host.now() >= deadline || host.interrupted.aborted;
    for (const name of names) {
      if (settled.has(name)) continue;
      const { state, message, finding } = judge(scene, name);
      const pane = scene.panes.get(name);
      if (state === "up" && pane !== undefined && (pane.age ?? 0) >= STEADY_MS)
        settled.set(name, { state: "up", pid: pane.pid });
      if (state === "up" && !last) continue;
      if (settled.has(name)) continue;
      const unit = scene.units.get(name);
      const end = unit === undefined ? undefined : await lastEnd(manager, unit);
      const restarts = unit === undefined ? 0 : Number(await manager.serviceProperty(unit, "NRestarts"));
      if (end?.message) ended.set(name, end.message); // a start that is under way has no end
      if (!firstRestarts.has(name)) firstRestarts.set(name, restarts);
      const again = restarts - (firstRestarts.get(name) ?? 0) >= 2;
      const given = state === "failed" || state === "stopped" || finding === "masked" || end?.final || again;
      if (given || last) settled.set(name, { state: "down", ended: ended.get(name) ?? "", seen: message });
    }
    if (settled.size === names.length) return settled;
    await host.pause(LOOK_EVERY_MS);
  }
}

/** What the agents' scripts said last, by agent. */
async function lastWords(host: Host, since: Date): Promise<Map<string, string>> {
  const words = new Map<string, string>();
  for (const line of await saidSince(host, "mosaic-agent", since)) {
    const [, name, text] = /^(?:mosaic-agent )?([A-Za-z0-9_-]+): (.*)$/.exec(line) ?? [];
    if (name !== undefined && text !== undefined) words.set(name, text);
  }
  return words;
}

/** Why it is not up where systemctl did as it was told, and nobody says anything. */
function unsaid(seen = "not up"): string {
  if (seen !== "stopped") return seen;
  return "stopped: it ended at once, or a Condition…= or ExecCondition= of its unit has systemd pass over it";
}

/** What systemctl itself said of a unit, and of a job that another one has replaced what that is. */
function refusal(result: ExecResult, name: string): string | undefined {
  if (succeeded(result)) return undefined;
  if (result.kind === "timed-out") return "systemd is not done with it";
  const said = result.stderr
    .split("\n")
    .find((line) => line.includes(` ${agentUnit(name)}`))
    ?.trim();
  return said === `Job for ${agentUnit(name)} canceled.` ? OVERTAKEN : said;
}
