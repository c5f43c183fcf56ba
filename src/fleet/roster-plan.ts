import { inAnyHome, NAMED_SETTINGS } from "../core/agent-keys.ts";
import { variableProblem } from "./agent.ts";
import type { AgentChanges } from "./agent-config.ts";
import type { AgentLife } from "./agent-removal.ts";
import { LIMITS } from "./limits.ts";
import { isSecret, type Roster, type RosterAgent } from "./roster.ts";
import type { FoundAgent } from "./roster-found.ts";

/** One setting that is not as the roster says; secrets are hidden. null: it is not set. */
export interface Difference {
  /** As in the roster: "model", "env.NAME", "enabled", "state". */
  readonly setting: string;
  readonly was: string | null;
  readonly becomes: string | null;
}

/** What is to become of one agent. stay: it is not in the roster, and nothing is done about that. */
export interface AgentPlan {
  readonly name: string;
  readonly does: "add" | "change" | "none" | "remove" | "stay";
  readonly differences: readonly Difference[];
  readonly changes: AgentChanges;
  /** Variables that the roster leaves in the agent's own file, which are not there. */
  readonly missing: readonly string[];
  /** Whether the change takes a secret out of its file: nobody else may have it. */
  readonly losesSecret: boolean;
  readonly enable: boolean | undefined;
  readonly state: "start" | "stop" | undefined;
  readonly life: AgentLife;
}

const HIDDEN = "[redacted]";

/** Values of {file: PATH}, by the agent and the variable. */
export type FileValues = ReadonlyMap<string, ReadonlyMap<string, string>>;

/**
 * What has to be done so that the agents are as a roster says: in the roster's order, then those that are not in it. A path is the
 * same whether it is written with ~ or not.
 */
export function planRoster(
  roster: Roster,
  found: ReadonlyMap<string, FoundAgent>,
  files: FileValues,
  { prune, home }: { readonly prune: boolean; readonly home: string },
): AgentPlan[] {
  const meant = [...roster].map(([name, agent]) => planAgent(name, agent, home, found.get(name), files.get(name)));
  const others = [...found].filter(([name]) => !roster.has(name));
  return [
    ...meant,
    ...others.map(([name, life]): AgentPlan => {
      const nothing = { differences: [], changes: { variables: new Map(), limits: {} }, missing: [] };
      const rest = { losesSecret: false, enable: undefined, state: undefined, life };
      return { name, does: prune ? "remove" : "stay", ...nothing, ...rest };
    }),
  ];
}

const NOTHING: FoundAgent = {
  variables: undefined,
  limits: {},
  enabled: false,
  runs: false,
  failed: false,
  remains: false,
};

function planAgent(
  name: string,
  agent: RosterAgent,
  home: string,
  found: FoundAgent = NOTHING,
  files: ReadonlyMap<string, string> = new Map(),
): AgentPlan {
  const had = found.variables ?? new Map<string, string>();
  const variables = new Map<string, string | undefined>();
  const limits: Record<string, string | number | undefined> = {};
  const differences: Difference[] = [];
  const missing: string[] = [];
  let losesSecret = false;

  const set = (setting: string, variable: string, wanted: string | undefined, from?: string) => {
    const was = had.get(variable);
    const same = (value: string | undefined) => value && inAnyHome(variable, value, home);
    if (same(was) === same(wanted)) return;
    const wasSecret = was !== undefined && isSecret(variable, was);
    losesSecret ||= wasSecret;
    variables.set(variable, wanted);
    const becomes = wanted === undefined ? null : (from ?? shown(variable, wanted));
    differences.push({ setting, was: was === undefined ? null : wasSecret ? HIDDEN : was, becomes });
  };
  const keep = (setting: string, variable: string) => {
    if (had.has(variable)) return;
    missing.push(variable);
    differences.push({ setting, was: null, becomes: HIDDEN });
  };

  for (const [setting, variable] of Object.entries(NAMED_SETTINGS)) {
    const wanted = agent[setting as keyof typeof NAMED_SETTINGS];
    if (typeof wanted === "object") keep(setting, variable);
    else set(setting, variable, wanted);
  }
  for (const [limit] of Object.entries(LIMITS)) {
    const wanted = agent[limit as keyof typeof LIMITS];
    const was = found.limits[limit as keyof typeof LIMITS] ?? null;
    if (was === (wanted === undefined ? null : String(wanted))) continue;
    limits[limit] = wanted;
    differences.push({ setting: limit, was, becomes: wanted === undefined ? null : String(wanted) });
  }
  for (const [key, wanted] of Object.entries(agent.env)) {
    if (typeof wanted === "string") set(`env.${key}`, key, wanted);
    else if ("secret" in wanted) keep(`env.${key}`, key);
    else set(`env.${key}`, key, files.get(key), `from ${wanted.file}`);
  }
  // What no roster can say is left alone.
  const own = [...had.keys()].filter((key) => !Object.hasOwn(agent.env, key) && variableProblem(key) === undefined);
  for (const key of own) set(`env.${key}`, key, undefined);

  const enable = agent.enabled === found.enabled ? undefined : agent.enabled;
  if (enable !== undefined)
    differences.push({ setting: "enabled", was: String(found.enabled), becomes: String(enable) });
  const wantsRun = agent.state === undefined ? found.runs : agent.state === "running";
  const state = wantsRun === found.runs ? undefined : wantsRun ? "start" : "stop";
  const was = found.failed ? "failed" : found.runs ? "running" : "stopped";
  if (state !== undefined) differences.push({ setting: "state", was, becomes: agent.state ?? null });

  const does = found.variables === undefined ? "add" : differences.length > 0 ? "change" : "none";
  const plan = { name, does, differences, changes: { variables, limits }, missing, losesSecret } as const;
  return { ...plan, enable, state, life: found };
}

function shown(variable: string, value: string): string {
  return isSecret(variable, value) ? HIDDEN : value;
}
