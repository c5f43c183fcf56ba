import type { LoadedUnit, ServiceUnit } from "../adapters/manager.ts";
import type { PaneLook } from "../adapters/tmux.ts";
import { type AgentProgram, agentProgram, PROGRAM_KEYS } from "../core/agent-program.ts";
import { agentOfUnit, agentUnit } from "../core/names.ts";
import { moreEnvFiles } from "../fleet/more-env-files.ts";
import { readSettings, type SettingsFile } from "../fleet/settings-files.ts";
import type { Tools } from "./tools.ts";

/** One agent, as far as anything knows of it. */
export interface Agent {
  readonly name: string;
  readonly unit: string;
  /** Its environment file; undefined where it has none. */
  readonly file: SettingsFile | undefined;
  /** Its unit; undefined where the manager has it not loaded: then it is stopped. */
  readonly loaded: (LoadedUnit & { readonly restarts: number }) | undefined;
  /** Wanted by a target and not masked, so that it starts at boot. */
  readonly enabled: boolean;
  /** The file that masks its unit, so that it can never start. */
  readonly mask: string | undefined;
  /** Its own pane on the fleet's server. */
  readonly pane: PaneLook | undefined;
  /** What systemd makes its unit's environment of: the manager's, the unit's, fleet.env, its own file. Holds secrets. */
  readonly environment: Readonly<Record<string, string>>;
  readonly program: AgentProgram;
}

/** Every agent that has a file, a unit or a session with a program, by name. Without a manager: those that have a file. */
export async function readAgents(tools: Tools): Promise<readonly Agent[]> {
  const { host } = tools;
  const managed = await tools.userManager().then(
    (found) => "manager" in found,
    () => false, // told by the check of the manager
  );
  const [files, units, links, server, state, settings] = await Promise.all([
    tools.agentFiles(),
    managed ? tools.agentUnits() : [],
    managed ? tools.unitLinks() : undefined,
    tools.server().catch(() => undefined), // told by the checks of the holder
    managed ? tools.managerState() : undefined,
    tools.settings(),
  ]);
  const panes = new Map((server?.panes ?? []).filter(({ agent }) => agent).map((pane) => [pane.session, pane]));
  const loaded = new Map(units.map((each) => [each.unit, each]));
  const wanted = [...(links?.wanted ?? [])].flatMap((unit) => agentOfUnit(unit) ?? []);
  const names = new Set([
    ...files.keys(),
    ...units.flatMap(({ unit }) => /^mosaic-agent@(.+)\.service$/.exec(unit)?.[1] ?? []),
    ...wanted,
    ...[...panes].flatMap(([name, { dead }]) => (dead ? [] : [name])), // else it is left over
  ]);
  const below = (own: Readonly<Record<string, string>>) => ({
    ...state?.environment,
    ...own,
    ...settings?.variables,
  });
  const common = below(managed ? await tools.unitEnvironment("doctor") : {});
  const programOf = rememberingPrograms(host.user.home);
  const changed = [...names].filter((name) => links?.changedAgents.has(name));
  const own = new Map(
    await Promise.all(changed.map(async (name) => [name, below(await tools.unitEnvironment(name))] as const)),
  );
  const more = await moreVariables(tools, managed ? [...names] : [], new Set(changed));
  return [...names].sort().map((name): Agent => {
    const unit = agentUnit(name);
    const file = files.get(name);
    const environment = { ...(own.get(name) ?? common), ...file?.variables, ...more.get(name) };
    return {
      name,
      unit,
      file,
      loaded: loaded.get(unit),
      enabled: (links?.wanted.has(unit) ?? false) && !links?.masks.has(name),
      mask: links?.masks.get(name),
      pane: panes.get(name),
      environment,
      program: programOf(environment),
    };
  });
}

/** What agents' units get of files that drop-ins name, by the agent's name. `changed`: those with drop-ins of their own. */
async function moreVariables(
  tools: Tools,
  names: readonly string[],
  changed: ReadonlySet<string>,
): Promise<ReadonlyMap<string, Agent["environment"]>> {
  const filesOf = async (name: string, unit: Promise<ServiceUnit>) =>
    moreEnvFiles((await unit).extra.EnvironmentFiles ?? "", name);
  const common = names.length === 0 ? [] : await filesOf("doctor", tools.template());
  // The name of the instance is in it.
  const ofEach = common.some((path) => path.includes("doctor"));
  const found = new Map<string, Agent["environment"]>();
  for (const name of names) {
    const asked = changed.has(name) || ofEach;
    if (!asked && common.length === 0) continue;
    const paths = asked ? await filesOf(name, tools.agentUnit(name)) : common;
    // What cannot be read systemd does not read either.
    const read = (path: string) => readSettings(tools.host, path, tools.redactor).catch(() => undefined);
    const files = await Promise.all(paths.map(read));
    found.set(name, Object.assign({}, ...files.map((file) => file?.variables)));
  }
  return found;
}

/** agentProgram(), the same object for all that are configured alike: of two hundred agents most are. */
function rememberingPrograms(home: string): (environment: Agent["environment"]) => AgentProgram {
  const known = new Map<string, AgentProgram>();
  return (environment) => {
    const key = PROGRAM_KEYS.map((name) => (environment[name] === undefined ? "" : `=${environment[name]}`)).join("\0");
    const program = known.get(key) ?? agentProgram(environment, home);
    known.set(key, program);
    return program;
  };
}
