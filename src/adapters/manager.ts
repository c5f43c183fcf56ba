import { join } from "node:path";
import { describeError } from "../core/errors.ts";
import { describeResult, type ExecResult, succeeded } from "../core/exec.ts";
import type { Host } from "../core/host.ts";
import { agentOfUnit } from "../core/names.ts";
import { pathsOf } from "../core/paths.ts";
import { type BusFailure, type BusProblem, busProblem } from "../core/user-bus.ts";
import { type Bus, BusError, openBus, pathOf } from "./bus.ts";
import type { Argument, BusValue } from "./bus-codec.ts";
import { circumstancesOf } from "./circumstances.ts";
import { UNIT_PROPERTIES, type Unit, unitFrom } from "./systemd.ts";

const MANAGER = "/org/freedesktop/systemd1";
const MANAGER_INTERFACE = "org.freedesktop.systemd1.Manager";
const AGENT_OBJECTS = `${MANAGER}/unit/mosaic_2dagent_40`;
const UNIT = "org.freedesktop.systemd1.Unit";
const SERVICE = "org.freedesktop.systemd1.Service";
/** Of an object's properties, those of all its interfaces. */
const OF_EVERY_INTERFACE = "";
const OF_EVERY_UNIT = new Set(["LoadState", "ActiveState", "SubState", "FragmentPath", "DropInPaths", "UnitFileState"]);

export interface ManagerState {
  readonly version: string;
  /** running, degraded, starting, stopping, maintenance … */
  readonly state: string;
  /** What every unit inherits. */
  readonly environment: Readonly<Record<string, string>>;
  /** Folders of units, the first wins. */
  readonly unitPath: readonly string[];
  /** The cgroup below which all of the user's units are. */
  readonly controlGroup: string;
  /** The container or virtual machine that systemd sees itself in, such as "docker" or "kvm"; empty for neither. */
  readonly virtualization: string;
  /** When it last read the units' files, in milliseconds since 1970; undefined where it does not say. */
  readonly readAt: number | undefined;
}

/** A unit that the manager has loaded. */
export interface LoadedUnit {
  readonly unit: string;
  readonly load: string;
  readonly active: string;
  readonly sub: string;
  /** What it is about to do (start, stop, restart …); empty where nothing waits. */
  readonly job: string;
  /** For what is asked about it alone. */
  readonly object: string;
}

export interface ServiceUnit extends Unit {
  readonly environment: Readonly<Record<string, string>>;
}

/** A systemd manager, over one connection; nothing here changes or starts anything, but for the last three. Methods throw BusError. */
export interface Manager {
  state(): Promise<ManagerState>;
  /**
   * A unit with its drop-ins merged, and the variables that it sets (Environment=); loaded where it is not. `extra`:
   * properties to read on top of the usual ones.
   */
  unit(name: string, extra: readonly string[]): Promise<ServiceUnit>;
  loaded(pattern: string): Promise<LoadedUnit[]>;
  /** The variables that a service's unit sets (Environment=), drop-ins merged. */
  unitEnvironment(name: string): Promise<Record<string, string>>;
  /** The drop-ins that a loaded unit was read from, and whether systemd itself has seen that its files changed. */
  readFrom(unit: LoadedUnit): Promise<{ readonly dropIns: readonly string[]; readonly needsReload: boolean }>;
  /** One property of a loaded unit's service: the read that scales to a thousand. */
  serviceProperty(unit: LoadedUnit, name: string): Promise<string>;
  /** One property of a unit of any kind, by its name alone. */
  property(unit: string, name: string): Promise<string>;
  /** Whether a unit is enabled, as its links are now: its property UnitFileState is as old as it is loaded. Empty where it is not installed. */
  fileState(unit: string): Promise<string>;
  /** Has each change of an agent's unit told, by the agent's name, from now on: its state, its job, its properties. */
  onChange(told: (name: string) => void): Promise<void>;
  /** Names of the units that have failed, whoever's they are. */
  failed(): Promise<string[]>;
  close(): void;
  /** Has it read its units anew; resolves when it has. */
  reload(): Promise<void>;
  /** Has units started at boot, and all units read anew. */
  enable(units: readonly string[]): Promise<void>;
  /** Has units not started at boot any more, and all units read anew. */
  disable(units: readonly string[]): Promise<void>;
}

/**
 * Connects to the user's manager: at its private socket, which needs no message bus, else on the user's bus.
 * Throws BusError when neither answers. It has answered one question when it is returned: a manager that is stopped
 * takes connections.
 */
export async function openUserManager(host: Pick<Host, "env" | "user" | "files">, limitMs?: number): Promise<Manager> {
  const { runtime } = pathsOf(host);
  const bus = pathOf(host.env.DBUS_SESSION_BUS_ADDRESS) ?? (runtime && join(runtime, "bus"));
  const ways = [
    ...(runtime === undefined ? [] : [{ path: join(runtime, "systemd/private"), destination: undefined }]),
    ...(bus === undefined ? [] : [{ path: bus, destination: "org.freedesktop.systemd1" }]),
  ];
  let first: unknown;
  for (const { path, destination } of ways) {
    try {
      await mustBeOurs(host, path);
      const opened = await openBus(path, host.user.uid, destination, limitMs);
      try {
        await opened.property(MANAGER, MANAGER_INTERFACE, "Version");
      } catch (error) {
        opened.close();
        throw error;
      }
      return managerOn(opened);
    } catch (error) {
      first ??= error;
      if (error instanceof BusError && error.code === "ETIMEDOUT") break; // the bus would only ask the same manager
    }
  }
  throw first ?? new BusError("ENOMEDIUM", "neither XDG_RUNTIME_DIR nor DBUS_SESSION_BUS_ADDRESS is set");
}

/** As systemctl does: root's or this user's, or it is not spoken to. */
async function mustBeOurs({ files, user }: Pick<Host, "files" | "user">, path: string): Promise<void> {
  const status = await files.status(path).catch((error) => {
    throw new BusError((error as { code?: string }).code ?? "EIO", describeError(error));
  });
  if (status !== undefined && status.uid !== user.uid && status.uid !== 0)
    throw new BusError("EPERM", `${path} belongs to uid ${status.uid}`);
}

/**
 * Why the user manager cannot be reached, from the answer to Systemd.managerVersion(); undefined when it can. The
 * cause is told by connecting: systemctl itself reports its last attempt, on the bus, whatever became of the first.
 */
export async function managerProblem(
  host: Pick<Host, "env" | "user" | "files">,
  answer: ExecResult,
): Promise<BusProblem | undefined> {
  if (succeeded(answer)) return undefined;
  return explained(host, await failureOf(host, answer));
}

/** The same for an attempt of one's own. */
export async function explained(host: Pick<Host, "env" | "user" | "files">, failure: BusFailure): Promise<BusProblem> {
  return busProblem(failure, await circumstancesOf(host));
}

async function failureOf(host: Pick<Host, "env" | "user" | "files">, answer: ExecResult): Promise<BusFailure> {
  const said = answer.kind === "not-started" ? describeResult(answer) : answer.stderr;
  if (answer.kind === "not-found") return { code: "no-systemctl", said };
  if (answer.kind === "timed-out") return { code: "ETIMEDOUT", said };
  try {
    (await openUserManager(host)).close();
    return { code: "", said }; // it is there, and systemctl fails for a reason of its own
  } catch (error) {
    if (!(error instanceof BusError)) throw error;
    return { code: error.code, said: said.trim() === "" ? error.message : said };
  }
}

export function managerOn(bus: Bus): Manager {
  const property = (name: string) => bus.property(MANAGER, MANAGER_INTERFACE, name);
  const call = (member: string, ...args: readonly Argument[]) =>
    bus.call(MANAGER, `${MANAGER_INTERFACE}.${member}`, ...args);
  // In one piece: it is not read that one file is linked, and the manager does not know.
  const andReload = async (asked: Promise<unknown>) => void (await Promise.all([asked, call("Reload")]));
  return {
    async state() {
      const names = ["Version", "SystemState", "Environment", "UnitPath", "ControlGroup", "Virtualization"];
      const [[version, state, environment, unitPath, controlGroup, virtualization], readAt] = await Promise.all([
        Promise.all(names.map(property)),
        property("UnitsLoadTimestamp").catch(() => 0), // not known to every systemd
      ]);
      return {
        version: text(version),
        state: text(state),
        environment: variables(environment),
        unitPath: list(unitPath).map(text),
        controlGroup: text(controlGroup),
        virtualization: text(virtualization),
        readAt: Number(readAt) > 0 ? Number(readAt) / 1_000 : undefined,
      };
    },
    async unit(name, extra) {
      // In one question: a unit that nothing needs is loaded for each anew.
      const wanted = [...UNIT_PROPERTIES, "Environment", ...extra];
      const found = await bus.properties(objectOf(name), OF_EVERY_INTERFACE, wanted);
      const unit = unitFrom(Object.fromEntries([...found].map(([each, value]) => [each, text(value)])));
      // There may be spaces in a path, and in a variable.
      return {
        ...unit,
        dropIns: list(found.get("DropInPaths")).map(text),
        environment: variables(found.get("Environment")),
      };
    },
    async loaded(pattern) {
      const [units] = await call("ListUnitsByPatterns", [], [pattern]);
      return list(units).map((entry) => {
        const [unit, , load, active, sub, , object, , job] = list(entry);
        return {
          unit: text(unit),
          load: text(load),
          active: text(active),
          sub: text(sub),
          job: text(job),
          object: text(object),
        };
      });
    },
    unitEnvironment: async (name) => variables(await bus.property(objectOf(name), SERVICE, "Environment")),
    async readFrom({ object }) {
      const [dropIns, stale] = await Promise.all(
        ["DropInPaths", "NeedDaemonReload"].map((name) => bus.property(object, UNIT, name)),
      );
      return { dropIns: list(dropIns).map(text), needsReload: stale === true };
    },
    serviceProperty: async ({ object }, name) => text(await bus.property(object, SERVICE, name)),
    property: async (unit, name) => text(await bus.property(objectOf(unit), interfaceOf(unit, name), name)),
    async fileState(unit) {
      try {
        const [state] = await call("GetUnitFileState", unit);
        return text(state);
      } catch (error) {
        // The manager has answered, and there is no such file: an error of the connection has no dot in its name.
        if (error instanceof BusError && error.code.includes(".")) return "";
        throw error;
      }
    },
    async onChange(told) {
      const rule = `type='signal',interface='org.freedesktop.DBus.Properties',path_namespace='${MANAGER}/unit'`;
      await bus.onSignal(rule, (object) => {
        const name = agentOfObject(object);
        if (name !== undefined) told(name);
      });
      await call("Subscribe"); // at its own socket the manager tells everybody, asked or not
    },
    async failed() {
      const [units] = await call("ListUnitsByPatterns", ["failed"], []);
      return list(units).map((entry) => text(list(entry)[0]));
    },
    close: () => bus.close(),
    reload: async () => void (await call("Reload")),
    enable: (units) => andReload(call("EnableUnitFiles", units, false, false)),
    disable: (units) => andReload(call("DisableUnitFiles", units, false)),
  };
}

/** The object of a unit, which the manager loads when it is asked for. */
function objectOf(unit: string): string {
  const escaped = Buffer.from(unit)
    .toString("latin1")
    .replace(/[^A-Za-z0-9]|^[0-9]/g, (byte) => `_${byte.charCodeAt(0).toString(16).padStart(2, "0")}`);
  return `${MANAGER}/unit/${escaped}`;
}

/** The agent of whose unit an object is; undefined for another. */
function agentOfObject(object: string): string | undefined {
  if (!object.startsWith(AGENT_OBJECTS)) return undefined;
  const escaped = object.slice(MANAGER.length + "/unit/".length);
  return agentOfUnit(
    escaped.replace(/_([\da-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16))),
  );
}

/** What every unit has is in one interface, what its kind has in another: "Slice" for app.slice. */
function interfaceOf(unit: string, property: string): string {
  if (OF_EVERY_UNIT.has(property)) return UNIT;
  const kind = unit.slice(unit.lastIndexOf(".") + 1);
  return `org.freedesktop.systemd1.${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
}

function list(value: BusValue | undefined): readonly BusValue[] {
  return Array.isArray(value) ? value : [];
}

/** Out of a list of NAME=VALUE. */
function variables(value: BusValue | undefined): Record<string, string> {
  const entries = list(value).map(text);
  return Object.fromEntries(
    entries
      .filter((entry) => entry.includes("="))
      .map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
  );
}

/** As systemctl show prints it. */
function text(value: BusValue | undefined): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "infinity";
  if (Array.isArray(value)) return value.map(text).join(" ");
  return String(value ?? "");
}
