import { inAnyHome, NAMED_SETTINGS } from "../core/agent-keys.ts";
import { looksSecret } from "../core/redact.ts";
import { type YamlValue, yamlText } from "../core/yaml-text.ts";
import { checkedSettings, valueProblem, variableProblem } from "./agent.ts";
import { isSecret } from "./roster.ts";
import type { FoundAgent } from "./roster-found.ts";

/** The roster of what is there. */
export interface ExportedRoster {
  /** YAML. */
  readonly text: string;
  /** What no roster can say, and is left out: "agents.coder.workdir: why". */
  readonly omitted: readonly string[];
  /** Agents that are down because they have failed: stopped, in the roster. */
  readonly failed: readonly string[];
}

const HEADER = `# The agents of a fleet, by mosaic-fleet export, for mosaic-fleet apply -f FILE.
# A key is not in it: {secret: true} leaves it as it is in the agent's own file.
`;

/** Secrets are left out: they stay where they are. `home`: for other homes, too, what lies in it is below ~. */
export function exportRoster(found: ReadonlyMap<string, FoundAgent>, home: string): ExportedRoster {
  const omitted: string[] = [];
  const agents = [...found].map(([name, agent]): [string, YamlValue] => {
    const settings = settingsOf(agent, home, (field, why) => omitted.push(`agents.${name}.${field}: ${why}`));
    return [name, { ...settings, enabled: agent.enabled, state: agent.runs ? "running" : "stopped" }];
  });
  return {
    text: HEADER + yamlText({ agents: Object.fromEntries(agents) }),
    omitted,
    failed: [...found].filter(([, { failed }]) => failed).map(([name]) => name),
  };
}

const SECRET = { secret: true };

function settingsOf(
  { variables: own = new Map<string, string>(), limits }: FoundAgent,
  home: string,
  omit: (field: string, why: string) => void,
): Record<string, YamlValue> {
  const variables = new Map([...own].map(([key, value]) => [key, inAnyHome(key, value, home)]));
  const settings: Record<string, YamlValue> = {};
  const say = (setting: string, value: string | number) => {
    const checked = checkedSettings({ [setting]: value });
    if ("settings" in checked) settings[setting] = value;
    for (const { message } of "problems" in checked ? checked.problems : []) omit(setting, message);
  };
  for (const [setting, variable] of Object.entries(NAMED_SETTINGS)) {
    const value = variables.get(variable);
    if (value === undefined) continue;
    if (!looksSecret(variable, value)) say(setting, value);
    else if (setting === "command") settings[setting] = SECRET;
    else omit(setting, "looks like a key");
  }
  const named: readonly string[] = Object.values(NAMED_SETTINGS);
  const env: Record<string, YamlValue> = {};
  for (const [key, value] of variables) {
    if (named.includes(key)) continue;
    const problem = variableProblem(key) ?? valueProblem(key, value);
    if (problem !== undefined) omit(`env.${key}`, problem);
    else env[key] = isSecret(key, value) ? SECRET : value;
  }
  if (Object.keys(env).length > 0) settings.env = env;
  if (limits.memoryMax !== undefined) say("memoryMax", limits.memoryMax);
  if (limits.cpuWeight !== undefined) say("cpuWeight", Number(limits.cpuWeight));
  return settings;
}
