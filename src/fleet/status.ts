import { basename, join } from "node:path";
import { type GroupUsage, groupUsages, NO_USAGE } from "../adapters/cgroup.ts";
import type { Manager } from "../adapters/manager.ts";
import type { ProgramEnd } from "../adapters/tmux.ts";
import { agentProgram } from "../core/agent-program.ts";
import type { Host } from "../core/host.ts";
import { agentUnit } from "../core/names.ts";
import { pathsOf } from "../core/paths.ts";
import { redactorFor } from "../core/redact.ts";
import { type Drift, type DriftSources, driftOf, mayDrift, templateChange } from "./drift.ts";
import { endIn, endOf, lastEnd } from "./ended.ts";
import { type AgentState, agentOfGroup, judgeAgent } from "./judge.ts";
import { type AskedServer, askScene, askServer } from "./scene.ts";
import { knownAgents, type Selection, selectAgents } from "./select.ts";
import { readAgentFiles, readSettings } from "./settings-files.ts";
import { readUnitLinks } from "./unit-links.ts";
import { withManager } from "./user-manager.ts";

/** One agent, as systemd, tmux and the kernel have it. */
export interface AgentStatus extends GroupUsage {
  readonly name: string;
  readonly state: AgentState;
  readonly verdict: "well" | "warning" | "bad" | "unknown";
  readonly message: string;
  /** The program that it is set to be: claude; null where only a shell can tell. */
  readonly runtime: string | null;
  /** Of its program, where that runs. */
  readonly pid: number | null;
  /** For how long that has run. */
  readonly uptimeSeconds: number | null;
  /** When it started, in seconds since 1970. */
  readonly startedAt: number | null;
  /** How often systemd has brought it back since it was started by hand or at boot. */
  readonly restarts: number;
  /** How its program ended last; null where it has not, or nobody knows. */
  readonly lastExit: { readonly status: number | null; readonly signal: number | null } | null;
  readonly enabled: boolean;
  /** How many terminals show its session. */
  readonly viewers: number | null;
  /** For how long nobody has typed into its session, and its window has shown nothing new. */
  readonly idleSeconds: number | null;
  /** The name of what runs in its pane, as the kernel has it. */
  readonly program: string | null;
  /** In what it is not what is configured. */
  readonly drift: readonly Drift[];
}

export interface FleetStatus {
  /** up: its own tmux server answers. */
  readonly holder: { readonly up: boolean };
  readonly agents: readonly AgentStatus[];
}

/** An agent that ends takes less until its unit knows, in milliseconds. */
const MOMENT_MS = 200;

/** The agents that are meant, every one where none is named. Throws FleetError. */
export function fleetStatus(host: Host, { names }: Pick<Selection, "names">): Promise<FleetStatus> {
  const server = askServer(host);
  server.catch(() => undefined); // told by who waits for it, unless there is no manager
  return withManager(host, "The fleet cannot be looked at", (manager) => statusBy(host, manager, names, server));
}

/** The same by a manager that is open. Throws FleetError for a name that no agent has; BusError. */
export async function statusBy(
  host: Host,
  manager: Manager,
  names: readonly string[],
  server = askServer(host),
): Promise<FleetStatus> {
  const first = await look(host, manager, names, server);
  // Unit and session are read one after the other: what is so for a moment only is no disagreement.
  if (!first.agents.some(({ state }) => state === "disagrees")) return first;
  await host.pause(MOMENT_MS);
  return look(host, manager, names, askServer(host));
}

async function look(
  host: Host,
  manager: Manager,
  names: readonly string[],
  server: Promise<AskedServer>,
): Promise<FleetStatus> {
  const { site, agents: folder } = pathsOf(host);
  const redactor = redactorFor(host.user.home);
  const asked = await askScene(host, manager, server, { restarts: true });
  const [scene, fleet, files, links, usageOf] = await Promise.all([
    asked.scene,
    readSettings(host, join(site, "fleet.env"), redactor),
    readAgentFiles(host, folder, redactor),
    readUnitLinks(host, asked.unitPath),
    groupUsages(host),
  ]);
  const [known, template] = await Promise.all([knownAgents(host, scene, links), templateChange(host, links)]);
  const now = host.date().getTime() / 1000;
  const sources: DriftSources = { scene, fleet, agents: files, links, template, now: now * 1000 };
  const runtimeOf = runtimes(host.user.home);
  const selected = selectAgents(known, { names, all: names.length === 0 });
  const agents = await Promise.all(
    selected.map(async (name): Promise<AgentStatus> => {
      const unit = scene.units.get(name);
      const restarts = scene.restarts.get(name) ?? 0;
      const masked = links.masks.has(name);
      const enabled = links.wanted.has(agentUnit(name)) && !masked;
      const pane = scene.panes.get(name) ?? scene.strays.get(name);
      const judged = judgeAgent({ name, unit, restarts, enabled, masked, pane }, scene);
      const process = pane?.process;
      const group = ownGroup(name, pane?.cgroup);
      const down = unit !== undefined && (judged.state === "failed" || judged.state === "crashed");
      const last = down ? (await lastEnd(manager, unit)).message : "";
      const drift = mayDrift(sources, name, judged) ? await driftOf(host, manager, sources, name, judged) : [];
      // A drop-in may say what an agent is that has no file.
      const own = files.has(name) || !links.files.has(name) ? {} : await manager.unitEnvironment(agentUnit(name));
      const settings = [scene.environment, own, fleet?.variables, files.get(name)?.variables];
      return {
        name,
        state: judged.state,
        verdict: judged.verdict === "well" && drift.length > 0 ? "warning" : judged.verdict,
        message: [judged.message, last, ...drift.map(({ message }) => message)].filter(uniqueText).join("; "),
        runtime: runtimeOf(settings),
        pid: process === undefined ? null : (pane?.pid ?? null),
        uptimeSeconds: process === undefined ? null : Math.floor(process.age / 1000),
        startedAt: process?.startedAt ?? null,
        restarts,
        lastExit: exitOf((pane && endOf(pane)) ?? endIn(last)),
        enabled,
        viewers: pane?.viewers ?? null,
        idleSeconds: process === undefined ? null : Math.max(0, Math.floor(now - (pane?.activity ?? now))),
        program: process?.program ?? null,
        // A weight that every agent has is none: only one of its own is asked for.
        ...(group === undefined ? NO_USAGE : usageOf(group, links.files.has(name))),
        drift,
      };
    }),
  );
  return { holder: { up: scene.sessions }, agents };
}

function uniqueText(text: string, index: number, all: readonly string[]): boolean {
  return text !== "" && all.indexOf(text) === index;
}

function exitOf(end: ProgramEnd | undefined): AgentStatus["lastExit"] {
  return end === undefined ? null : { status: null, signal: null, ...end };
}

const RUNTIME_KEYS = ["MOSAIC_AGENT_COMMAND", "MOSAIC_RUNTIME_BIN", "MOSAIC_AGENT_RUNTIME"];

type Settings = readonly (Readonly<Record<string, string>> | undefined)[];

/** Tells the program that settings make of an agent, of which the last one wins: of a thousand agents most are alike. */
function runtimes(home: string): (settings: Settings) => string | null {
  const known = new Map<string, string | null>();
  return (settings) => {
    const values = RUNTIME_KEYS.map((key) => settings.findLast((variables) => variables?.[key] !== undefined)?.[key]);
    const alike = JSON.stringify(values);
    const before = known.get(alike);
    if (before !== undefined) return before;
    const [command, bin, runtime] = values;
    const { program } = agentProgram(
      { MOSAIC_AGENT_COMMAND: command, MOSAIC_RUNTIME_BIN: bin, MOSAIC_AGENT_RUNTIME: runtime },
      home,
    );
    const found = program === undefined ? null : basename(program);
    known.set(alike, found);
    return found;
  };
}

/** Of the agent's own unit, which may have groups below: of none else's where its process is elsewhere. */
function ownGroup(name: string, cgroup: string | undefined): string | undefined {
  if (cgroup === undefined || agentOfGroup(cgroup) !== name) return undefined;
  const unit = agentUnit(name);
  return cgroup.slice(0, cgroup.lastIndexOf(`/${unit}`) + 1 + unit.length);
}
