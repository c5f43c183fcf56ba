import { basename, join } from "node:path";
import type { Manager } from "../adapters/manager.ts";
import { settingName } from "../core/agent-keys.ts";
import type { Host } from "../core/host.ts";
import { LIMITS_DROP_IN } from "../core/names.ts";
import type { Judgement } from "./judge.ts";
import type { Scene } from "./scene.ts";
import type { SettingsFile } from "./settings-files.ts";
import { startedOtherwise } from "./started-with.ts";
import type { UnitLinks } from "./unit-links.ts";

/**
 * In what an agent that runs is not what is configured. program: it runs another one. settings: its settings have changed since
 * it started. unit: its unit has. outside: its process is not in its unit.
 */
export const DRIFTS = ["program", "settings", "unit", "outside"] as const;

export interface Drift {
  readonly kind: (typeof DRIFTS)[number];
  /** In a few words, for people. */
  readonly message: string;
}

/** Those that make another program of it. */
const PROGRAM: readonly string[] = ["MOSAIC_AGENT_COMMAND", "MOSAIC_AGENT_RUNTIME", "MOSAIC_RUNTIME_BIN"];
/** The kernel counts a process's start in ticks of 10 ms, and files have times of their own clock's grain. */
const GRAIN_MS = 50;

/** What drift is looked for in; read once for all agents. */
export interface DriftSources {
  readonly scene: Scene;
  readonly fleet: SettingsFile | undefined;
  readonly agents: ReadonlyMap<string, SettingsFile>;
  readonly links: UnitLinks;
  /** Of what every agent's unit is made of. */
  readonly template: UnitChange;
  /** In milliseconds since 1970. */
  readonly now: number;
}

interface UnitChange {
  /** The youngest file that a unit is made of. */
  readonly path: string;
  /** In milliseconds since 1970. */
  readonly modified: number;
}

/** Whether driftOf() has to look: it has not where no file is younger than the agent's process. */
export function mayDrift(sources: DriftSources, name: string, { finding }: Judgement): boolean {
  const { scene, agents, links, template } = sources;
  const pane = scene.panes.get(name);
  if (finding === "outside") return true;
  if (finding !== "up" || pane?.process === undefined) return false;
  const started = startOf(pane.process, sources);
  return (
    pane.taken ||
    !agents.has(name) ||
    links.files.has(name) ||
    template.modified > started ||
    settingsYounger(sources, name, started)
  );
}

function startOf({ age }: { readonly age: number }, { now }: DriftSources): number {
  return now - age;
}

function settingsYounger({ fleet, agents }: DriftSources, name: string, started: number): boolean {
  const files = [fleet, agents.get(name)];
  return files.some((file) => file !== undefined && file.status.modified > started - GRAIN_MS);
}

/** The drift of one agent. Throws BusError. */
export async function driftOf(
  host: Host,
  manager: Manager,
  sources: DriftSources,
  name: string,
  { finding, message }: Judgement,
): Promise<Drift[]> {
  const { scene, agents, links, template } = sources;
  const pane = scene.panes.get(name);
  const unit = scene.units.get(name);
  if (finding === "outside") return [{ kind: "outside", message }];
  if (finding !== "up" || pane?.process === undefined || unit === undefined) return [];
  const drift: Drift[] = [];
  if (pane.taken)
    drift.push({
      kind: "program",
      message: `runs another program than configured: ${pane.process.program}, which was in its session before`,
    });
  const started = startOf(pane.process, sources);
  const changed =
    settingsYounger(sources, name, started) || !agents.has(name)
      ? await startedOtherwise(host, manager, name, unit, scene.environment)
      : [];
  const words = changed.map(settingName).join(", ");
  if (changed.some((key) => PROGRAM.includes(key)))
    drift.push({
      kind: "program",
      message: `runs another program than configured: changed since it started: ${words}`,
    });
  else if (changed.length > 0) drift.push({ kind: "settings", message: `runs with earlier settings: ${words}` });
  const last = await youngest(host, links.files.get(name) ?? [], template);
  // A file from the future is no younger than anything: the clock was set back, and doctor says so.
  if (last.modified > started && last.modified <= sources.now + GRAIN_MS)
    drift.push({ kind: "unit", message: `runs an old unit: ${basename(last.path)} is younger` });
  return drift;
}

/** When what every agent's unit is made of last changed. */
export function templateChange(host: Host, { files }: UnitLinks): Promise<UnitChange> {
  return youngest(host, files.get("") ?? [], { path: "", modified: 0 });
}

/** Limits of ours are left out: they reach what runs. */
async function youngest(host: Host, paths: readonly string[], than: UnitChange): Promise<UnitChange> {
  let last = than;
  let fragment: string | undefined;
  for (const path of paths) {
    const folder = path.endsWith(".d");
    if (!folder && fragment !== undefined) continue;
    if (!folder) fragment = path;
    const dropIns = folder ? (await host.files.list(path)).filter((name) => name.endsWith(".conf")) : [""];
    for (const name of dropIns) {
      if (name === LIMITS_DROP_IN) continue;
      const modified = (await host.files.status(join(path, name)))?.modified ?? 0;
      if (modified > last.modified) last = { path: join(path, name), modified };
    }
  }
  return last;
}
