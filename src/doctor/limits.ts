import { join } from "node:path";
import { shellPath } from "../core/shell.ts";
import { type Check, type Explanation, type Fix, ofSubjects, type SubjectResult } from "./check.ts";
import type { Tools } from "./tools.ts";

/** The fleet that limits are held against. */
interface Fleet {
  readonly agents: number;
  /** Those of them that run now: what they take is in use already. */
  readonly running: number;
  /** No agent is configured: a small fleet is assumed. */
  readonly assumed: boolean;
}

/** Something that there is only so much of. */
export interface Stock {
  /** The limit's own name. */
  readonly name: string;
  /** Infinity: none. */
  readonly limit: number;
  /** undefined where it cannot be told, or is not cheap to. */
  readonly used?: number;
  /** What one agent takes. */
  readonly each: number;
  /** What others take in any case. */
  readonly besides?: number;
  /** What is limited is each agent for itself. */
  readonly alone?: true;
  /** What happens to a fleet that comes to the limit. */
  readonly otherwise: string;
  /** Makes the limit at least this large. */
  mend(atLeast: number): Fix;
}

/** A check of limits: alike ones are literals of this shape. */
interface Limit {
  readonly id: Check["id"];
  readonly title: string;
  readonly explain: Explanation;
  /** What a fleet does that comes to the limit: end (fail), or do less well (warn). */
  readonly short: "warn" | "fail";
  stocks(tools: Tools): Promise<readonly Stock[]>;
}

/** How many agents are assumed on a machine that has none configured. */
const ASSUMED_AGENTS = 10;
/** A limit of which more is taken than this part is as good as reached. */
const FULL = 0.9;

async function fleetOf(tools: Tools): Promise<Fleet> {
  const agents = await tools.agents();
  const running = agents.filter(({ pane }) => pane !== undefined && !pane.dead).length;
  return agents.length === 0
    ? { agents: ASSUMED_AGENTS, running: 0, assumed: true }
    : { agents: agents.length, running, assumed: false };
}

export function limitCheck({ short, stocks, ...check }: Limit): Check {
  return {
    ...check,
    pre: true,
    async run(tools) {
      const [fleet, found] = await Promise.all([fleetOf(tools), stocks(tools)]);
      return ofSubjects(
        found.map((stock) => judge(stock, fleet, short)),
        {
          many: "limits",
          healthy: `${check.id.replace(/.*\./, "")} ${room(found, fleet)}`,
          failing: "leave too little for the fleet",
        },
      );
    },
  };
}

/** Agents that still take theirs. */
function coming(stock: Stock, fleet: Fleet): number {
  if (stock.alone) return 1;
  return stock.used === undefined ? fleet.agents : fleet.agents - fleet.running;
}

function judge(stock: Stock, fleet: Fleet, short: "warn" | "fail"): SubjectResult {
  const { limit, used = 0, besides = 0, each, name } = stock;
  const need = coming(stock, fleet) * each;
  const certain = used + besides + need;
  // Those that run may take more than they do just now.
  const total = stock.alone ? certain : Math.max(certain, besides + fleet.agents * each);
  const evidence = {
    limit: Number.isFinite(limit) ? limit : "none",
    "in use": stock.used ?? "not looked at",
    "an agent takes about": each,
    agents: stock.alone ? "each for itself" : `${fleet.agents}${fleet.assumed ? " (assumed)" : ""}`,
  };
  if (total <= limit * FULL)
    return { subject: name, status: "pass", message: Number.isFinite(limit) ? `${limit}` : "no limit", evidence };
  const whose = stock.alone
    ? "an agent needs"
    : fleet.assumed
      ? `${fleet.agents} agents (assumed: none is configured) need`
      : `the fleet (${fleet.agents} ${fleet.agents === 1 ? "agent" : "agents"}) needs`;
  const takes = used + besides === 0 ? `about ${need}` : `about ${total} with what is taken already`;
  return {
    subject: name,
    status: certain > limit ? short : "warn",
    message: `${total > limit ? "only" : "no more than"} ${limit}, and ${whose} ${takes}: ${stock.otherwise}`,
    evidence,
    fix: stock.mend(ample(total)),
  };
}

/** At least twice, as a round number. */
function ample(need: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(2 * need, 1024)));
}

/** How many agents the tightest of the limits has room for. */
function room(stocks: readonly Stock[], fleet: Fleet): string {
  const rooms = stocks
    .filter(({ alone }) => !alone)
    .map((stock) => {
      const most = stock.limit - (stock.besides ?? 0);
      const left = Math.floor((most - (stock.used ?? 0)) / stock.each) + fleet.agents - coming(stock, fleet);
      return Math.min(left, Math.floor(most / stock.each));
    });
  const least = Math.min(...rooms);
  return Number.isFinite(least) ? `for ${least} agents` : "without limit";
}

/** Of a kernel setting: now, and at every boot. */
export function sysctl(key: string): Stock["mend"] {
  const file = `/etc/sysctl.d/60-mosaic-${key.replace(/.*\./, "")}.conf`;
  return (atLeast) => ({ root: [`sh -c 'echo ${key} = ${atLeast} >${file}'`, `sysctl -p ${file}`] });
}

/** Of a unit of ours: a drop-in that comes after all others. */
export function dropIn({ paths, host }: Tools, unit: string, setting: string, then: readonly string[] = []): Fix {
  const folder = shellPath(join(paths.units, `${unit}.d`), host.user.home);
  return {
    commands: [
      `mkdir -p ${folder}`,
      `printf '[Service]\\n${setting}\\n' >${folder}/zz-${setting.replace(/=.*/, "").toLowerCase()}.conf`,
      "systemctl --user daemon-reload",
      ...then,
    ],
  };
}

/** The number in a file of the kernel's; "max" is Infinity. Throws where it says none. */
export async function kernelNumber(tools: Tools, path: string, field = 0): Promise<number> {
  const text = await tools.host.files.read(path);
  const word = text?.trim().split(/\s+/)[field];
  const number = word === "max" ? Number.POSITIVE_INFINITY : Number(word || Number.NaN);
  if (Number.isNaN(number)) throw new Error(`${path} says no number`);
  return number;
}

/** A property of systemd's that is a number or "infinity". Throws where it is neither. */
export function amount(text: string | undefined): number {
  const number = text === "infinity" ? Number.POSITIVE_INFINITY : Number(text || Number.NaN);
  if (Number.isNaN(number)) throw new Error(`a limit of systemd's is "${text ?? ""}", which is no number`);
  // What systemd calls infinity is the largest number of some.
  return number >= 2 ** 63 ? Number.POSITIVE_INFINITY : number;
}

/** A setting of agents' units, effective: the template's, and that of each agent with drop-ins of its own. */
export async function agentSettings(
  tools: Tools,
  property: string,
): Promise<{ readonly common: string; readonly own: ReadonlyMap<string, string> } | undefined> {
  if (!("manager" in (await tools.userManager()))) return undefined;
  const template = await tools.template();
  if (template.load !== "loaded") return undefined;
  const [{ changedAgents }, agents] = await Promise.all([tools.unitLinks(), tools.agents()]);
  const changed = agents.filter(({ name }) => changedAgents.has(name));
  const own = await Promise.all(
    changed.map(async ({ name }) => [name, (await tools.agentUnit(name)).extra[property] ?? ""] as const),
  );
  return { common: template.extra[property] ?? "", own: new Map(own) };
}

/** The process that is the user manager; undefined where none answers. Throws where it is not found. */
export async function managerPid(tools: Tools): Promise<number | undefined> {
  if (!("manager" in (await tools.userManager()))) return undefined;
  const { controlGroup } = await tools.managerState();
  for (const { pid, name } of await tools.processes())
    if (name === "systemd" && (await tools.procfs.cgroup(pid)) === `${controlGroup}/init.scope`.replace("//", "/"))
      return pid;
  throw new Error("the process of the user manager was not found");
}

/** A cgroup above the agents' units. */
export interface Group {
  /** Below the hierarchy's mount, such as "/user.slice". */
  readonly path: string;
  readonly folder: string;
  readonly unified: boolean;
  /** A unit of the user manager, and not what that manager is in. */
  readonly own: boolean;
}

/** Where a slice is: a-b.slice is in a.slice, and "-.slice" is all. */
function groupsOfSlice(slice: string): string[] {
  const parts = slice.replace(/\.slice$/, "").split("-");
  return slice === "-.slice" ? [] : parts.map((_, index) => `${parts.slice(0, index + 1).join("-")}.slice`);
}

/**
 * The cgroups whose limits of a controller hold for every agent, innermost first, or for those in a slice of their own.
 * Without a user manager: those that this process is in.
 */
export async function groupsAbove(tools: Tools, controller: string, slice?: string): Promise<Group[]> {
  const mounts = await tools.mounts();
  const old = mounts.find(({ type, options }) => type === "cgroup" && options.includes(controller));
  const mount = old ?? mounts.find(({ type }) => type === "cgroup2");
  if (mount === undefined) return [];
  const manager = await managerPid(tools);
  const lines = ((await tools.host.files.read(`/proc/${manager ?? tools.host.pid}/cgroup`)) ?? "").split("\n");
  const path = lines
    .map((line) => line.split(":"))
    .find(([, controllers = ""]) => (old ? controllers.split(",").includes(controller) : controllers === ""))
    ?.slice(2)
    .join(":");
  const template = manager === undefined ? undefined : await tools.template();
  const above = (path ?? "").replace(manager === undefined ? "" : /\/init\.scope$/, "").split("/");
  const whole = (name: string) => !["", ".."].includes(name);
  const common = template?.load === "loaded" ? template.extra.Slice : undefined;
  const own = manager === undefined ? [] : groupsOfSlice(slice ?? (common || "app.slice"));
  const names = [...above, ...own].filter(whole);
  const outside = above.filter(whole).length;
  return [...names.keys(), names.length].reverse().map((depth) => {
    const below = names.slice(0, depth).map((name) => `/${name}`);
    return {
      path: below.join("") || "/",
      folder: mount.folder + below.join(""),
      unified: old === undefined,
      own: depth > outside,
    };
  });
}
