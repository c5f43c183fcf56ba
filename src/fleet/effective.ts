import { join } from "node:path";
import { type Manager, openUserManager } from "../adapters/manager.ts";
import { AGENT_KEYS } from "../core/agent-keys.ts";
import { agentProgram } from "../core/agent-program.ts";
import { describeError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import { agentUnit, DEFAULT_SOCKET } from "../core/names.ts";
import { pathsOf } from "../core/paths.ts";
import { type Redactor, redactorFor } from "../core/redact.ts";
import { settingIn } from "../core/unit-lines.ts";
import { LIMITS } from "./limits.ts";
import { moreEnvFiles } from "./more-env-files.ts";
import { type ProgramFinding, programLookup } from "./program-finding.ts";
import { readSettings } from "./settings-files.ts";

/** A value, and the file or manager that it is from: a path, "unit", "manager" or "built in". */
interface Sourced {
  readonly value: string;
  readonly from: string;
}

export interface EffectiveSetting extends Sourced {
  readonly key: string;
  /** What it wins over, the next in line first. */
  readonly over: readonly Sourced[];
}

export interface EffectiveLimit {
  /** As the manager has it: bytes or a number; "infinity" for none; null where it could not be asked. */
  readonly value: string | null;
  /** The drop-in that says so; null for systemd's own. */
  readonly from: string | null;
  readonly said: string | null;
}

/** What an agent is, and gets, by everything that has a say. Secrets are hidden in all of it. */
export interface EffectiveAgent {
  readonly name: string;
  readonly unit: string;
  /** undefined where the agent has none. */
  readonly file: string | undefined;
  /** Why a settings file cannot be read, by its path. */
  readonly problems: readonly string[];
  readonly state: { readonly active: string; readonly sub: string; readonly needsReload: boolean } | undefined;
  readonly settings: readonly EffectiveSetting[];
  readonly workdir: string;
  /** What the pane becomes: a shell's command, or a program with its arguments. */
  readonly command: { readonly shell: string } | { readonly argv: readonly string[] };
  /** undefined where the manager's PATH could not be asked for. */
  readonly program: ProgramFinding | undefined;
  readonly limits: Readonly<Record<keyof typeof LIMITS, EffectiveLimit>>;
  /** Why the user manager could not be asked. */
  readonly unmanaged: string | undefined;
}

/** Everything that is known of an agent. Nothing is changed; what the manager cannot be asked is left open, and said. */
export async function effectiveAgent(host: Host, name: string): Promise<EffectiveAgent> {
  const redactor = redactorFor(host.user.home);
  const { site, agents } = pathsOf(host);
  const [fleet, file, asked] = await Promise.all([
    readSettings(host, join(site, "fleet.env"), redactor),
    readSettings(host, join(agents, `${name}.env`), redactor),
    askManager(host, name).catch((error: unknown) => ({ unmanaged: describeError(error) })),
  ]);
  const managed = "unit" in asked ? asked : undefined;
  redactor.learn({ ...managed?.environment, ...managed?.own });
  const named = moreEnvFiles(managed?.unit.extra.EnvironmentFiles ?? "", name).toReversed();
  const more = await Promise.all(named.map((path) => readSettings(host, path, redactor).catch(() => undefined)));
  const sources = [
    ...more.map((each) => ({ from: each?.path ?? "", variables: each?.variables })),
    { from: file?.path ?? "", variables: file?.variables },
    { from: fleet?.path ?? "", variables: fleet?.variables },
    { from: "unit", variables: managed?.own },
    { from: "manager", variables: managed?.environment },
  ];
  const environment = Object.assign({}, ...sources.toReversed().map(({ variables }) => variables)) as Record<
    string,
    string
  >;
  const program = agentProgram(environment, host.user.home);
  const finding = managed && (await programLookup(host, fleet)({ file, environment, program }));
  const launched = finding?.message.startsWith("mosaic ") === true;
  const model = environment.MOSAIC_AGENT_MODEL ? ["--model", environment.MOSAIC_AGENT_MODEL] : [];
  const keys = new Set(sources.slice(0, -1).flatMap(({ variables }) => Object.keys(variables ?? {})));
  for (const key of ["PATH", ...Object.keys(AGENT_KEYS)]) if (environment[key] !== undefined) keys.add(key);
  const hide = (key: string, value: string) => hidden(redactor, key, value);
  return {
    name,
    unit: agentUnit(name),
    file: file?.path,
    problems: [fleet, file].flatMap((each) => (each?.problem ? [`${each.path}: ${each.problem}`] : [])),
    state: managed && { active: managed.unit.active, sub: managed.unit.sub, needsReload: managed.unit.needsReload },
    settings: [
      ...[...keys].sort().map((key) => {
        const [first, ...over] = sources.flatMap(({ from, variables }) =>
          variables === undefined || !Object.hasOwn(variables, key)
            ? []
            : [{ from, value: hide(key, variables[key] ?? "") }],
        );
        return { key, ...(first as Sourced), over };
      }),
      ...Object.entries(BUILT_IN).flatMap(([key, value]) =>
        keys.has(key) ? [] : [{ key, value, from: "built in", over: [] }],
      ),
    ],
    workdir: program.workdir,
    command: environment.MOSAIC_AGENT_COMMAND
      ? { shell: redactor.redact(environment.MOSAIC_AGENT_COMMAND) }
      : {
          argv: [...(launched ? ["mosaic"] : []), program.program ?? "", ...model].map((word) => redactor.redact(word)),
        },
    program: finding,
    limits: {
      memoryMax: await limitOf(host, managed, "memoryMax"),
      cpuWeight: await limitOf(host, managed, "cpuWeight"),
    },
    unmanaged: managed === undefined && "unmanaged" in asked ? asked.unmanaged : undefined,
  };
}

const BUILT_IN = { MOSAIC_AGENT_RUNTIME: "claude", MOSAIC_AGENT_WORKDIR: "~", MOSAIC_TMUX_SOCKET: DEFAULT_SOCKET };

type Asked = Awaited<ReturnType<typeof askManager>>;

async function askManager(host: Host, name: string) {
  const manager: Manager = await openUserManager(host);
  try {
    const [{ environment }, unit] = await Promise.all([
      manager.state(),
      manager.unit(agentUnit(name), [...Object.values(LIMITS), "EnvironmentFiles"]),
    ]);
    return { environment, unit, own: unit.environment };
  } finally {
    manager.close();
  }
}

async function limitOf(host: Host, asked: Asked | undefined, limit: keyof typeof LIMITS): Promise<EffectiveLimit> {
  if (asked === undefined) return { value: null, from: null, said: null };
  const directive = LIMITS[limit];
  const { unit } = asked;
  let found: { from: string; said: string } | undefined;
  for (const from of [unit.fragment, ...unit.dropIns]) {
    const said = settingIn((await host.files.read(from).catch(() => "")) ?? "", directive)?.said;
    if (said !== undefined) found = { from, said: said.replace(/^[^=]*=\s*/, "") };
  }
  const value = unit.extra[directive] ?? "";
  return {
    value: /^(18446744073709551615|18446744073709552000|infinity|)$/.test(value) ? "infinity" : value,
    from: found?.from ?? null,
    said: found?.said ?? null,
  };
}

function hidden(redactor: Redactor, key: string, value: string): string {
  // As it stands in the file, so that the name tells what it is.
  const shown = redactor.redact(`${key}=${value}`);
  return shown.startsWith(`${key}=`) ? shown.slice(key.length + 1) : "[redacted]";
}
