import { readdirSync, readFileSync } from "node:fs";
import { binary } from "./build.ts";
import type { Victim } from "./chaos-reading.ts";
import { HOLDER_UNIT, type TestFleet } from "./fleet.ts";

/**
 * What an agent is to be when all is quiet. down: stopped or failed. undefined: it was told by an order that was broken off,
 * or that another one has overtaken. any: the same, and it may have failed.
 */
export type Wanted = "up" | "stopped" | "down" | "any" | undefined;

interface Fault {
  readonly what: string;
  /** An order by hand: what the agent is to be then. */
  readonly order?: { readonly wanted: Wanted };
  /** It kills what the unit has started to stop the agent: systemd calls such a stop failed. */
  readonly killsStop?: true;
  /** `moment`: milliseconds, of what is broken off or does not last. */
  readonly run: (victim: Victim, moment: number) => Promise<unknown>;
}

/** One fault of a round: `at` milliseconds after it began. */
export interface Planned {
  readonly at: number;
  readonly moment: number;
  readonly fault: Fault;
  readonly victim: Victim;
}

/** A chooser of rounds of faults: the same seed chooses the same ones. No more than one order by hand for an agent in each. */
export function chaosOf(fleet: TestFleet, victims: readonly Victim[], seed: number): () => Planned[] {
  const choose = choices(seed);
  const of = <T>(list: readonly T[]) => list[choose(list.length)] as T;
  const [ofAgents, ofAll] = [agentFaults(fleet), fleetFaults(fleet)];
  return () => {
    const ordered = new Set<Victim>();
    const planned = Array.from({ length: 1 + choose(8) }, (): Planned => {
      const fault = choose(5) === 0 ? of(ofAll) : of(ofAgents);
      return { fault, victim: of(victims), at: choose(300), moment: choose(80) };
    });
    return planned
      .filter(({ fault, victim }) => {
        if (fault.order === undefined) return true;
        const first = !ordered.has(victim);
        ordered.add(victim);
        return first;
      })
      .sort((one, other) => one.at - other.at);
  };
}

/** What each agent is to be after a round, where an order was given for it; `before`: what it was to be until then. */
export function ordersOf(
  planned: readonly Planned[],
  before: ReadonlyMap<string, Wanted>,
): ReadonlyMap<string, Wanted> {
  // systemd restarts what is up with the holder, and a stop that comes in the same moment is lost in that.
  const overtaken = planned.some(({ fault }) => fault.what === RESTART_HOLDER);
  const orders = new Map<string, Wanted>();
  for (const { fault, victim } of planned)
    if (fault.order !== undefined) orders.set(victim.name, overtaken ? undefined : fault.order.wanted);
  for (const { fault, victim } of planned)
    if (fault.killsStop && orders.get(victim.name) === "stopped") orders.set(victim.name, "down");
  const mayFail = (name: string) =>
    before.get(name) === "down" || planned.some(({ fault, victim }) => fault.killsStop && victim.name === name);
  for (const [name, order] of orders) if (order === undefined && mayFail(name)) orders.set(name, "any");
  return orders;
}

const RESTART_HOLDER = "systemctl restart of the holder";

function agentFaults(fleet: TestFleet): readonly Fault[] {
  const { host, paths, systemctl, tmuxCommand } = fleet;
  const ownPane = async ({ name }: Victim) => {
    const own = ["-s", "-t", `=${name}:`, "-f", "#{@mosaic_agent}", "-F", "#{pane_id} #{pane_pid}"];
    const [id = "", pid] = (await tmuxCommand("list-panes", ...own)).stdout.trim().split(" ");
    return { id: id || "%none", pid: Number(pid) };
  };
  /** Starts a command, and kills it at the moment: what it has ordered goes on without it. */
  const brokenOff = async (argv: readonly string[], moment: number, signal: NodeJS.Signals) => {
    const child = Bun.spawn([...argv], { env: host.env, stdin: "ignore", stdout: "ignore", stderr: "ignore" });
    await host.pause(moment);
    child.kill(signal);
    await child.exited;
  };
  const toAll = (words: string) => processesOf(words).map((pid) => kill(pid, "SIGKILL"));
  const script = (name: string) => `${paths.tools}/${name}`;
  const ours = (...words: string[]) => host.exec([binary, "agent", ...words], { timeoutMs: 60_000 });
  const [up, stopped, either] = [{ wanted: "up" }, { wanted: "stopped" }, { wanted: undefined }] as const;
  return [
    ...(["SIGKILL", "SIGTERM", "SIGHUP", "SIGSEGV"] as const).map(
      (signal): Fault => ({
        what: `${signal} to the pane's process`,
        run: async (victim) => kill((await ownPane(victim)).pid, signal),
      }),
    ),
    { what: "SIGKILL to its programs", run: async ({ seconds }) => toAll(`sleep ${seconds}`) },
    {
      what: "SIGKILL to its start script",
      run: async ({ name }) => toAll(`${script("start-agent-session.sh")} ${name}`),
    },
    {
      what: "SIGKILL to its stop script",
      killsStop: true,
      run: async ({ name }) => toAll(`${script("stop-agent-session.sh")} ${name}`),
    },
    { what: "tmux kill-pane", run: async (victim) => tmuxCommand("kill-pane", "-t", (await ownPane(victim)).id) },
    { what: "tmux kill-window", run: async (victim) => tmuxCommand("kill-window", "-t", (await ownPane(victim)).id) },
    { what: "tmux kill-session", run: ({ name }) => tmuxCommand("kill-session", "-t", `=${name}`) },
    {
      what: "tmux respawn-pane -k",
      run: async (victim) => tmuxCommand("respawn-pane", "-k", "-t", (await ownPane(victim)).id),
    },
    {
      what: "tmux new-window beside it",
      run: ({ name }) => tmuxCommand("new-window", "-d", "-t", `=${name}:`, "sleep", "1"),
    },
    {
      what: "tmux split-window of it",
      run: async (victim) => tmuxCommand("split-window", "-d", "-t", (await ownPane(victim)).id, "sleep", "1"),
    },
    // Does nothing where there is a session; a start takes it over.
    {
      what: "tmux new-session of its name",
      order: either,
      run: ({ name, seconds }) => tmuxCommand("new-session", "-d", "-s", name, "sleep", `${seconds}`),
    },
    { what: "systemctl kill -s KILL", killsStop: true, run: ({ unit }) => systemctl("kill", "-s", "KILL", unit) },
    { what: "systemctl start", order: up, run: ({ unit }) => systemctl("start", unit) },
    { what: "systemctl stop", order: stopped, run: ({ unit }) => systemctl("stop", unit) },
    { what: "systemctl restart", order: up, run: ({ unit }) => systemctl("restart", unit) },
    ...["start", "stop"].map(
      (verb): Fault => ({
        what: `systemctl ${verb}, its waiter killed`,
        order: either,
        run: ({ unit }, moment) => brokenOff(["systemctl", "--user", verb, unit], moment, "SIGKILL"),
      }),
    ),
    { what: "agent start", order: up, run: ({ name }) => ours("start", name) },
    { what: "agent stop", order: stopped, run: ({ name }) => ours("stop", name) },
    { what: "agent restart", order: up, run: ({ name }) => ours("restart", name) },
    {
      what: "agent start, interrupted",
      order: either,
      run: ({ name }, moment) => brokenOff([binary, "agent", "start", name], moment, "SIGINT"),
    },
    {
      what: "agent restart, killed",
      order: either,
      run: ({ name }, moment) => brokenOff([binary, "agent", "restart", name], moment, "SIGKILL"),
    },
  ];
}

function fleetFaults({ host, systemctl, tmux, tmuxCommand }: TestFleet): readonly Fault[] {
  const server = async () => (await tmux.server())?.pid;
  return [
    ...(["SIGKILL", "SIGTERM", "SIGSEGV"] as const).map(
      (signal): Fault => ({
        what: `${signal} to the server`,
        run: async () => kill(await server(), signal),
      }),
    ),
    { what: "tmux kill-server", run: () => tmuxCommand("kill-server") },
    { what: RESTART_HOLDER, run: () => systemctl("restart", HOLDER_UNIT) },
    { what: "systemctl daemon-reload", run: () => systemctl("daemon-reload") },
    {
      what: "the server stopped for a moment",
      run: async (_, moment) => {
        const pid = await server();
        kill(pid, "SIGSTOP");
        await host.pause(moment);
        kill(pid, "SIGCONT");
      },
    },
  ];
}

function kill(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined && pid > 1) process.kill(pid, signal);
  } catch {
    // it is gone
  }
}

/** The processes whose words hold these, one after the other, such as a start script's. */
function processesOf(words: string): number[] {
  const holds = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").includes(`${words} `);
    } catch {
      return false; // it is gone
    }
  };
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && holds(pid))
    .map(Number);
}

/** Whole numbers below a limit, the same ones for the same seed (mulberry32). */
function choices(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
}
