import { join } from "node:path";
import { type Bus, BusError, openSystemBus } from "../adapters/bus.ts";
import {
  explained,
  type LoadedUnit,
  type Manager,
  type ManagerState,
  managerProblem,
  openUserManager,
  type ServiceUnit,
} from "../adapters/manager.ts";
import { type Mount, mountsOf } from "../adapters/mounts.ts";
import { type Process, type Procfs, procfsOf } from "../adapters/procfs.ts";
import { type Systemd, systemdMajor, systemdOf } from "../adapters/systemd.ts";
import { type ServerLook, socketPath, tmuxOf } from "../adapters/tmux.ts";
import { type Versions, versionsOf } from "../adapters/versions.ts";
import { describeError } from "../core/errors.ts";
import type { ExecResult } from "../core/exec.ts";
import type { Files, Host } from "../core/host.ts";
import { agentUnit, DEFAULT_SOCKET, HOLDER_UNIT } from "../core/names.ts";
import { type Paths, pathsOf } from "../core/paths.ts";
import { namesSecret, type Redactor, redactorFor } from "../core/redact.ts";
import { letBegin } from "../core/steps.ts";
import { JUDGED_PROPERTIES } from "../core/unit-settings.ts";
import type { BusProblem } from "../core/user-bus.ts";
import { type HolderRecord, readHolderRecord } from "../fleet/holder.ts";
import { readAgentFiles, readSettings, type SettingsFile } from "../fleet/settings-files.ts";
import { readUnitLinks, type UnitLinks } from "../fleet/unit-links.ts";
import type { Plan } from "../install/action.ts";
import { planLayout } from "../install/install.ts";
import { receiptHere } from "../install/moved.ts";
import type { Receipt } from "../install/receipt.ts";
import { type Agent, readAgents } from "./agents.ts";
import { installedSystemd, installedTmux } from "./installed.ts";
import { readUnitFiles, type UnitFiles } from "./unit-files.ts";
import { type Verification, verification, verify } from "./verify.ts";

/** Why the user manager cannot be reached, in words and in the words of systemctl. */
export interface ManagerMissing {
  /** It takes connections, and does not answer. */
  readonly hangs: boolean;
  readonly problem: BusProblem;
  readonly said: string;
}

/**
 * What checks look with. Each outside question is asked once in a run, however many checks want its answer; each
 * throws when it cannot be told. Nothing here writes, starts or touches anything.
 */
export interface Tools {
  readonly host: Host;
  /** Of this program. */
  readonly version: string;
  readonly paths: Paths;
  readonly systemd: Systemd;
  readonly procfs: Procfs;
  readonly redactor: Redactor;
  /** Whether systemd is the machine's first process. */
  booted(): Promise<boolean>;
  mounts(): Promise<readonly Mount[]>;
  /** Their versions on disk; undefined where they are not there. */
  installedSystemd(): Promise<string | undefined>;
  installedTmux(): Promise<string | undefined>;
  /** The user manager, or why it cannot be reached. */
  userManager(): Promise<{ manager: Manager } | ManagerMissing>;
  /** Throws where the manager cannot be reached, as do all that follow up to unitLinks(). */
  managerState(): Promise<ManagerState>;
  holder(): Promise<ServiceUnit>;
  /** An instance's settings as the template and its drop-ins make them. */
  template(): Promise<ServiceUnit>;
  /** One agent's own unit with every property: costs the manager 4 ms, so only for the few that need it. */
  agentUnit(name: string): Promise<ServiceUnit>;
  /** Loaded agents' units with how often each was brought back. */
  agentUnits(): Promise<readonly (LoadedUnit & { readonly restarts: number })[]>;
  /** The variables that an agent's unit sets itself, drop-ins merged. */
  unitEnvironment(name: string): Promise<Readonly<Record<string, string>>>;
  unitLinks(): Promise<UnitLinks>;
  /** The files of our units and their drop-ins, in every folder that the manager reads. */
  unitFiles(): Promise<UnitFiles>;
  /** To logind and the system's manager; undefined where there is no system bus. */
  systemBus(): Promise<Bus | undefined>;
  /** `systemd-analyze verify` of our units. */
  verified(): Promise<ExecResult>;
  holderRecord(): Promise<HolderRecord | undefined>;
  /** The fleet's tmux server; undefined when nothing answers on its socket. */
  server(): Promise<ServerLook | undefined>;
  /** The first line of a configuration that the fleet's server does not understand; it has to run. */
  tmuxProblem(path: string): Promise<{ readonly line: number; readonly message: string } | undefined>;
  /** fleet.env; undefined where there is none. */
  settings(): Promise<SettingsFile | undefined>;
  /** The agents' environment files, by the agent's name. */
  agentFiles(): Promise<ReadonlyMap<string, SettingsFile>>;
  /** Reads whatever holds secrets, so that the redactor knows them all; what cannot be read has shown none. */
  learnSecrets(): Promise<void>;
  /** Every agent that is configured, loaded, enabled or has a session, by name. */
  agents(): Promise<readonly Agent[]>;
  processes(): Promise<readonly Process[]>;
  receipt(): Promise<Receipt | undefined | "unreadable">;
  /** What install would do now. */
  plan(): Promise<Plan>;
  /** What a report says of the machine. */
  environment(): Promise<Versions & { readonly host: string; readonly user: string }>;
  /** Asks the slow questions of these checks: when they want the answers they wait less. Resolves when all are on their way. */
  begin(checks: readonly string[]): Promise<void>;
  /** Resolves when nothing that begin() has asked is under way: systemd-analyze that is killed leaves a folder in /tmp. */
  settled(): Promise<unknown>;
  close(): void;
}

/** What checks want to know of a unit, on top of what everybody does. */
const UNIT_EXTRA = [
  ...JUDGED_PROPERTIES,
  ...["Asserts", "Conditions", "Environment", "LimitNOFILESoft", "LimitNPROCSoft", "LoadError"],
  ...["ManagedOOMPreference", "MemoryMax", "Slice", "StatusText", "TasksMax"],
];

/** `asked`: that question, where it is on its way already. */
export function toolsOf(machine: Host, version: string, asked?: Verification): Tools {
  const host = { ...machine, files: lookingOnce(machine.files) };
  const paths = pathsOf(host);
  const systemd = systemdOf(host);
  const procfs = procfsOf({ files: rememberingGroups(host.files) });
  const redactor = redactorFor(host.user.home);
  redactor.learn(host.env);
  const opened: { close(): void }[] = [];
  let closed = false;
  const begun: Promise<unknown>[] = [];
  /** To be closed with the rest; at once where that is over, or an open connection would keep the program running. */
  const keep = <T extends { close(): void }>(connection: T): T => {
    if (closed) connection.close();
    else opened.push(connection);
    return connection;
  };

  const userManager = once(async (): Promise<{ manager: Manager } | ManagerMissing> => {
    try {
      return { manager: keep(await openUserManager(host)) };
    } catch (error) {
      // Who hangs would only hang again.
      if (error instanceof BusError && error.code === "ETIMEDOUT")
        return { hangs: true, problem: await explained(host, { code: error.code, said: "" }), said: error.message };
      const answer = await systemd.managerVersion();
      const problem = await managerProblem(host, answer);
      if (problem === undefined) throw error;
      return { hangs: false, problem, said: answer.stderr.trim() || describeError(error) };
    }
  });
  const manager = async (): Promise<Manager> => {
    const found = await userManager();
    if ("manager" in found) return found.manager;
    throw new Error(found.problem.cause);
  };
  const managerState = once(async () => {
    const state = await (await manager()).state();
    redactor.learn(state.environment);
    return state;
  });
  const units = keyed(async (name: string) => (await manager()).unit(name, UNIT_EXTRA));
  const settings = once(() => readSettings(host, join(paths.site, "fleet.env"), redactor));
  const holderRecord = once(() => readHolderRecord(host));
  const server = once(async () => {
    // The holder's own socket, wherever it is: this shell's TMUX_TMPDIR may be another than the manager's.
    const target = (await holderRecord())?.socketPath ?? (await socketPath(host, await fleetSocketName()));
    // A client would make the folder.
    return (await host.files.status(target)) === undefined ? undefined : tmuxOf(host, target).look();
  });
  const tmuxProblem = async (path: string) => {
    const { socketPath: target } = (await server()) ?? {};
    return target === undefined ? undefined : tmuxOf(host, target).problemIn(path);
  };
  const fleetSocketName = async () => (await settings())?.variables.MOSAIC_TMUX_SOCKET || DEFAULT_SOCKET;
  const agentUnits = once(async () => {
    const found = await manager();
    const loaded = await found.loaded("mosaic-agent@*.service");
    return Promise.all(
      loaded.map(async (unit) => ({ ...unit, restarts: Number(await found.serviceProperty(unit, "NRestarts")) })),
    );
  });
  const verified = once(async () => {
    const answer = await (asked ?? verification(host)).answer;
    if (answer !== undefined) return answer;
    await manager(); // which makes the folder, where it runs
    return verify(host);
  });
  const tools: Tools = {
    host,
    version,
    paths,
    systemd,
    procfs,
    redactor,
    booted: once(async () => (await host.files.status("/run/systemd/system")) !== undefined),
    mounts: once(() => mountsOf(host)),
    installedSystemd: once(() => installedSystemd(tools)),
    installedTmux: once(() => installedTmux(tools)),
    userManager,
    managerState,
    holder: () => units(HOLDER_UNIT),
    template: () => units(agentUnit("doctor")),
    agentUnit: (name) => units(agentUnit(name)),
    agentUnits,
    unitEnvironment: keyed(async (name) => {
      const { environment } = await units(agentUnit(name));
      redactor.learn(environment);
      return environment;
    }),
    unitLinks: once(async () => readUnitLinks(host, (await managerState()).unitPath)),
    unitFiles: once(async () => readUnitFiles(host, (await managerState()).unitPath)),
    systemBus: once(async () => {
      const bus = await openSystemBus(host);
      return bus === undefined ? undefined : keep(bus);
    }),
    verified,
    holderRecord,
    server,
    tmuxProblem,
    settings,
    agentFiles: once(() => readAgentFiles(host, paths.agents, redactor)),
    learnSecrets: once(async () => {
      const ofHolder = async () => redactor.learn((await tools.holder()).environment);
      const ofAgents = async () => {
        const secretive = agentsWithSecrets(await tools.unitFiles());
        await Promise.all(["doctor", ...(await secretive)].map(tools.unitEnvironment));
      };
      await Promise.allSettled([settings(), tools.agentFiles(), managerState(), ofHolder(), ofAgents()]);
    }),
    agents: once(() => readAgents(tools)),
    processes: once(() => procfs.ofUser(host.user.uid)),
    receipt: once(() => receiptHere(host)),
    plan: once(async () => {
      // As install: by the manager that will read the units, which may be older than the program on disk.
      const running = await managerState().catch(() => undefined); // told by systemd.user-manager
      const major = systemdMajor(running?.version ?? (await tools.installedSystemd().catch(() => "")) ?? "") ?? 0;
      const recorded = await tools.receipt();
      return planLayout(host, major, recorded === "unreadable" ? undefined : recorded);
    }),
    environment: async () => ({
      ...(await versionsOf(host, { systemd: tools.installedSystemd, tmux: tools.installedTmux })),
      host: (await host.files.read("/proc/sys/kernel/hostname").catch(() => undefined))?.trim() ?? "unknown",
      user: host.user.name,
    }),
    async begin(checks) {
      const slow: readonly (readonly [check: string, ask: () => Promise<unknown>])[] = [
        ["units.verify", verified],
        ["holder.server", server],
        ["tmux.version", tools.installedTmux],
        ["agents.state", agentUnits],
        ["holder.server", tools.holder],
        ["units.promises", tools.template],
      ];
      // What fails is told by those who want the answer.
      for (const [check, ask] of slow) if (checks.includes(check)) begun.push(ask().catch(() => undefined));
      await letBegin();
      begun.push(tools.learnSecrets());
    },
    settled: () => Promise.all(begun),
    close() {
      closed = true;
      for (const each of opened) each.close();
    },
  };
  return tools;
}

/** Agents whose units have files of their own in which a variable has the name of a secret: the manager loads none in vain. */
async function agentsWithSecrets(files: UnitFiles): Promise<string[]> {
  const hasSecret = async (unit: string) => {
    const paths = [...files.ownFiles(unit), ...files.dropIns(unit)];
    const texts = await Promise.all(paths.map((path) => files.text(path).catch(() => undefined))); // told by units.drop-ins
    return texts.some((text) => text !== undefined && namesSecret(text));
  };
  const found = await Promise.all(files.agents.map(async (name) => ((await hasSecret(agentUnit(name))) ? [name] : [])));
  return found.flat();
}

/** Many checks look at the same few places, and what they say of them goes together. */
function lookingOnce(files: Files): Files {
  return { ...files, status: keyed(files.status), list: keyed(files.list), realPath: keyed(files.realPath) };
}

/** A process is asked for its cgroups by many checks, and with two hundred agents there are many processes. */
function rememberingGroups(files: Files): Files {
  const texts = new Map<string, string | undefined>();
  const isGroup = (path: string) => path.endsWith("/cgroup");
  return {
    ...files,
    async read(path) {
      if (texts.has(path)) return texts.get(path);
      const text = await files.read(path);
      if (isGroup(path)) texts.set(path, text);
      return text;
    },
    readNow(path) {
      if (texts.has(path)) return texts.get(path);
      const text = files.readNow(path);
      if (isGroup(path)) texts.set(path, text);
      return text;
    },
    async readEach(paths) {
      const unknown = paths.filter((path) => !texts.has(path));
      const found = await files.readEach(unknown);
      const fresh = new Map(unknown.map((path, index) => [path, found[index]]));
      for (const [path, text] of fresh) if (isGroup(path)) texts.set(path, text);
      return paths.map((path) => (fresh.has(path) ? fresh.get(path) : texts.get(path)));
    },
  };
}

function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => {
    answer ??= ask();
    return answer;
  };
}

/** once(), for each key. */
function keyed<T>(ask: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const answers = new Map<string, Promise<T>>();
  return (key) => {
    const answer = answers.get(key) ?? ask(key);
    answers.set(key, answer);
    return answer;
  };
}
