import { ageText } from "../core/age.ts";
import { agentUnit } from "../core/names.ts";

/** What an agent is doing. disagrees: unit, session and process say different things. unknown: it could not be told. */
export const AGENT_STATES = [
  "up",
  "starting",
  "crashed",
  "restarting",
  "stopping",
  "stopped",
  "failed",
  "disagrees",
  "unknown",
] as const;
export type AgentState = (typeof AGENT_STATES)[number];

/** An agent's own pane, with what the kernel says of its process. */
export interface AgentPane {
  readonly pid: number;
  readonly dead: boolean;
  /** By which systemd knows the process; undefined when it is gone. */
  readonly cgroup: string | undefined;
  /** For how long the process has run, in milliseconds; undefined when it is gone. */
  readonly age: number | undefined;
}

/** One agent at one moment. */
export interface AgentFacts {
  readonly name: string;
  /** As the manager has it; undefined where it has it not loaded: then it is stopped. */
  readonly unit:
    | { readonly load: string; readonly active: string; readonly sub: string; readonly job: string }
    | undefined;
  /** How often systemd has brought it back. */
  readonly restarts: number;
  readonly enabled: boolean;
  readonly masked: boolean;
  /** Its own pane, in a session of its name on the fleet's server. */
  readonly pane: AgentPane | undefined;
}

/** What is so for all of them. */
export interface FleetFacts {
  /** The holder's own server answers: what it does not show is not there. */
  readonly sessions: boolean;
  /** The user manager is still starting what is enabled. */
  readonly booting: boolean;
  /** Sessions by the agent in whose unit the live process of their agent's pane is. */
  readonly homes: ReadonlyMap<string, string>;
}

/** What was found: each has one remedy. */
export type Finding =
  | "up"
  | "starting"
  | "between-starts"
  | "ending"
  | "stopped"
  | "masked"
  | "stopped-enabled"
  | "booting"
  | "failed"
  | "ownerless"
  | "renamed"
  | "sessionless"
  | "renamed-away"
  | "dead-pane"
  | "outside"
  | "vanished"
  | "server-silent";

export interface Judgement {
  readonly state: AgentState;
  readonly finding: Finding;
  /** bad: it is not as it should be, and stays so. unknown: it could not be told, or is on its way. */
  readonly verdict: "well" | "warning" | "bad" | "unknown";
  /** In a few words, for people. */
  readonly message: string;
  /** The other agent, or the other session, that it is about. */
  readonly other?: string;
}

/** What is to be thought of an agent: the one judgement of status, doctor, start, stop and restart. */
export function judgeAgent(agent: AgentFacts, fleet: FleetFacts): Judgement {
  const { load, active, sub, job } = agent.unit ?? { load: "loaded", active: "inactive", sub: "dead", job: "" };
  const pane = fleet.sessions ? agent.pane : undefined;
  switch (active) {
    case "failed":
      return {
        state: "failed",
        finding: "failed",
        verdict: "bad",
        message: "its unit has failed: it is down, and stays down",
      };
    case "inactive":
      if (job === "start" || job === "restart") return starting(agent, "waiting");
      if (pane !== undefined && !pane.dead) return ownerless(agent, pane);
      if (load === "masked" || agent.masked)
        return {
          state: "stopped",
          finding: "masked",
          verdict: "warning",
          message: "its unit is masked: it never starts, at boot or by hand",
        };
      if (!agent.enabled) return { state: "stopped", finding: "stopped", verdict: "well", message: "stopped" };
      if (fleet.booting)
        return {
          state: "starting",
          finding: "booting",
          verdict: "unknown",
          message: "waits for the user manager, which is still starting",
        };
      return {
        state: "stopped",
        finding: "stopped-enabled",
        verdict: "bad",
        message: "is enabled, but stopped: somebody stopped it, it ended by itself, or it was never started",
      };
    case "activating":
      if (sub !== "auto-restart") return starting(agent, sub);
      return {
        state: "crashed",
        finding: "between-starts",
        verdict: "warning",
        message: "its program has ended, or its start has failed: systemd is about to start it anew (auto-restart)",
      };
    case "deactivating":
      return {
        state: job === "stop" ? "stopping" : job === "" ? "crashed" : "restarting",
        finding: "ending",
        verdict: "well",
        message: `ending (${sub})`,
      };
  }
  if (!fleet.sessions)
    return {
      state: "unknown",
      finding: "server-silent",
      verdict: "unknown",
      message: `its unit is active (${sub}), but the holder's server does not answer`,
    };
  if (pane === undefined) return sessionless(agent, fleet, sub);
  if (pane.dead) return disagrees("dead-pane", `its unit is active (${sub}), but its program has ended`);
  const { pid, cgroup, age } = pane;
  if (cgroup === undefined || age === undefined)
    return {
      state: "unknown",
      finding: "vanished",
      verdict: "unknown",
      message: `its process ${pid} ended while it was looked at`,
    };
  const other = agentOfGroup(cgroup);
  if (other !== undefined && other !== agent.name) return renamed(other);
  if (!inUnit(cgroup, agent.name))
    return disagrees("outside", `its process ${pid} is outside its unit: limits and a stop do not reach it`);
  return {
    state: "up",
    finding: "up",
    verdict: "well",
    message: `up, pid ${pid}, ${ageText(age)}, ${agent.restarts} ${agent.restarts === 1 ? "restart" : "restarts"}`,
  };
}

/** A delegated unit may have groups of its own below. */
function inUnit(cgroup: string, name: string): boolean {
  return `${cgroup}/`.includes(`/${agentUnit(name)}/`);
}

/** The agent in whose unit a cgroup is. */
export function agentOfGroup(cgroup: string): string | undefined {
  return /\/mosaic-agent@([^/]+)\.service(?:\/|$)/.exec(cgroup)?.[1];
}

function starting({ restarts }: AgentFacts, sub: string): Judgement {
  return {
    state: restarts > 0 ? "restarting" : "starting",
    finding: "starting",
    verdict: "unknown",
    message: `is starting (${sub}), and not up yet`,
  };
}

function disagrees(finding: Finding, message: string, other?: string): Judgement {
  return { state: "disagrees", finding, verdict: "bad", message, ...(other === undefined ? {} : { other }) };
}

/** The session of that name is another agent's. */
function renamed(other: string): Judgement {
  return disagrees("renamed", `this session is agent ${other}'s: somebody renamed it`, other);
}

/** A session whose program runs without this unit: a renamed one of another agent's, or one left behind. */
function ownerless({ name }: AgentFacts, { pid, cgroup = "" }: AgentPane): Judgement {
  const other = agentOfGroup(cgroup);
  if (other !== undefined && other !== name) return renamed(other);
  return disagrees(
    "ownerless",
    `its unit is stopped, but its session runs a program (pid ${pid}) that nothing supervises`,
  );
}

/** The unit is active, and its session is not there: gone, or under another name. */
function sessionless({ name }: AgentFacts, { homes }: FleetFacts, sub: string): Judgement {
  const message = `its unit is active (${sub}), but there is no session`;
  const session = homes.get(name);
  if (session === undefined) return disagrees("sessionless", message);
  return disagrees("renamed-away", `${message} of its name: somebody renamed it to ${session}`, session);
}
