import { join } from "node:path";
import type { LoadedUnit } from "../adapters/manager.ts";
import type { Pane } from "../adapters/tmux.ts";
import { type AgentProgram, agentProgram } from "../core/agent-program.ts";
import { type Assignment, parseEnvFile } from "../core/env-file.ts";
import { describeError } from "../core/errors.ts";
import type { FileStatus, Host } from "../core/host.ts";
import { agentOfUnit, agentUnit } from "../core/names.ts";
import { plainAssignments } from "../core/plain-env-file.ts";
import type { Redactor } from "../core/redact.ts";
import type { Tools } from "./tools.ts";

/** An environment file of the user's. */
export interface SettingsFile {
  readonly path: string;
  /** The file itself, where the path is a link to it. */
  readonly real: string;
  /** Of the file itself. */
  readonly status: FileStatus;
  readonly bytes: Uint8Array;
  /** Nothing in it needs a closer look. */
  readonly plain: boolean;
  /** Why it cannot be read; nothing is in it then. */
  readonly problem?: string;
  readonly assignments: readonly Assignment[];
  /** The same by name, the last assignment winning. */
  readonly variables: Readonly<Record<string, string>>;
}

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
  readonly pane: Pane | undefined;
  /** What systemd makes its unit's environment of: the manager's, the unit's, fleet.env, its own file. Holds secrets. */
  readonly environment: Readonly<Record<string, string>>;
  readonly program: AgentProgram;
}

/** undefined when there is none. What is secret in it is never shown from then on. */
export async function readSettings(host: Host, path: string, redactor: Redactor): Promise<SettingsFile | undefined> {
  const own = await host.files.status(path);
  if (own === undefined) return undefined;
  const real = own.kind === "link" ? ((await host.files.realPath(path)) ?? path) : path;
  const status = real === path ? own : ((await host.files.status(real)) ?? own);
  const none = { path, real, status, bytes: new Uint8Array(), plain: false, assignments: [], variables: {} };
  if (real === "/dev/null") return { ...none, plain: true }; // as good as an empty file
  if (status.kind === "link") return { ...none, problem: "it is a link to nothing" };
  if (status.kind !== "file") return { ...none, problem: "it is no file" }; // a read of a pipe would wait for ever
  try {
    const bytes = await host.files.readBytes(real);
    if (bytes === undefined) return { ...none, problem: "it is gone" };
    const plain = plainAssignments(bytes);
    const assignments = plain ?? parseEnvFile(bytes);
    const variables = Object.fromEntries(assignments.map(({ key, value }) => [key, value]));
    redactor.learn(variables);
    return { path, real, status, bytes, plain: plain !== undefined, assignments, variables };
  } catch (error) {
    return { ...none, problem: describeError(error) };
  }
}

/** The agents' environment files, by the agent's name. */
export async function readAgentFiles(
  host: Host,
  folder: string,
  redactor: Redactor,
): Promise<ReadonlyMap<string, SettingsFile>> {
  const names = (await host.files.list(folder))
    .filter((file) => file.endsWith(".env"))
    .map((file) => file.slice(0, -4));
  const files = new Map<string, SettingsFile>();
  await Promise.all(
    names.map(async (name) => {
      const file = await readSettings(host, join(folder, `${name}.env`), redactor);
      if (file !== undefined) files.set(name, file);
    }),
  );
  return files;
}

/** Units that a target wants, and agents with drop-ins or a unit file of their own, by the folders that the manager reads. */
export interface UnitLinks {
  readonly wanted: ReadonlySet<string>;
  readonly changedAgents: ReadonlySet<string>;
  /** Agents whose unit is a link to /dev/null, and where that is. */
  readonly masks: ReadonlyMap<string, string>;
}

export async function readUnitLinks(host: Host, unitPath: readonly string[]): Promise<UnitLinks> {
  const wanted = new Set<string>();
  const changedAgents = new Set<string>();
  const masked: { agent: string; path: string }[] = [];
  const folders = await Promise.all(
    unitPath.map(async (folder) => (await host.files.list(folder)).map((name) => ({ name, path: join(folder, name) }))),
  );
  await Promise.all(
    folders.flat().map(async ({ name, path }) => {
      const agent = agentOfUnit(name.endsWith(".d") ? name.slice(0, -2) : name);
      if (agent !== undefined) {
        changedAgents.add(agent);
        if (!name.endsWith(".d") && (await host.files.realPath(path)) === "/dev/null") masked.push({ agent, path });
      }
      if (/\.(wants|requires)$/.test(name)) for (const unit of await host.files.list(path)) wanted.add(unit);
    }),
  );
  const masks = new Map(masked.map(({ agent, path }) => [agent, path]));
  return { wanted, changedAgents, masks };
}

/** Every agent that has a file, a unit or a session, by name. Without a manager: those that have a file. */
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
    ...panes.keys(),
  ]);
  const common = managed ? await tools.unitEnvironment("doctor") : {};
  return Promise.all(
    [...names].sort().map(async (name): Promise<Agent> => {
      const unit = agentUnit(name);
      const file = files.get(name);
      const own = links?.changedAgents.has(name) ? await tools.unitEnvironment(name) : common;
      const environment = { ...state?.environment, ...own, ...settings?.variables, ...file?.variables };
      return {
        name,
        unit,
        file,
        loaded: loaded.get(unit),
        enabled: (links?.wanted.has(unit) ?? false) && !links?.masks.has(name),
        mask: links?.masks.get(name),
        pane: panes.get(name),
        environment,
        program: agentProgram(environment, host.user.home),
      };
    }),
  );
}
