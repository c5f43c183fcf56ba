import { join } from "node:path";
import type { Pane, Server } from "../../adapters/tmux.ts";
import { describeResult, succeeded } from "../../core/exec.ts";
import { HOLDER_UNIT } from "../../core/names.ts";
import { pathsOf } from "../../core/paths.ts";
import { type CanaryAgent, expect, type Fleet } from "../step.ts";
import { proveDown, start, stop } from "../steps/support.ts";

/** An agent with its pane as it was before the fault. */
export interface Target {
  readonly agent: CanaryAgent;
  readonly pane: Pane;
}

/** A fleet that is well, and what a fault is done to. */
export interface Hit {
  readonly fleet: Fleet;
  readonly server: Pick<Server, "pid" | "socketPath">;
  readonly targets: readonly Target[];
}

/** Something that goes wrong, or is done by hand, at any moment of a fleet's life. */
export interface Fault {
  readonly id: string;
  /** What happens, as the beginning of a sentence. */
  readonly what: string;
  /** How many agents it is done to; all of them unless told. */
  readonly targets?: 1;
  /** Whether these are other processes afterwards; the agents that it is not done to never are, unless the server is. */
  readonly agents: "new" | "same";
  /** Whether the tmux server is another one afterwards, and every agent with it. */
  readonly server: "new" | "same";
  /** It would disturb agents that are not the canary's. */
  readonly disturbsOthers?: true;
  /** It is done to the manager itself, which outside of a sandbox is the user's. */
  readonly sandboxOnly?: true;
  /** Does it; does not wait until all is well again. */
  act(hit: Hit): Promise<void>;
}

const kill = ({ fleet, targets }: Hit, signal: "SIGKILL" | "SIGTERM") => {
  for (const { pane } of targets) fleet.host.kill(pane.pid, signal);
};

async function order({ fleet }: Hit, verb: string, units: readonly string[]): Promise<void> {
  const result = await fleet.systemd.run(verb, units);
  expect(succeeded(result), `systemctl ${verb} failed`, { said: describeResult(result) });
}

const unitsOf = ({ targets }: Hit) => targets.map(({ agent }) => agent.unit);

/** In an order that stays: a seed chooses by place. New ones come last. */
export const FAULTS: readonly Fault[] = [
  {
    id: "agent-killed",
    what: "an agent is killed",
    targets: 1,
    agents: "new",
    server: "same",
    act: async (hit) => kill(hit, "SIGKILL"),
  },
  {
    id: "agents-killed",
    what: "all agents are killed at once",
    agents: "new",
    server: "same",
    act: async (hit) => kill(hit, "SIGKILL"),
  },
  {
    id: "agent-ended",
    what: "an agent is asked to end",
    targets: 1,
    agents: "new",
    server: "same",
    act: async (hit) => kill(hit, "SIGTERM"),
  },
  {
    id: "session-closed",
    what: "an agent's session is closed by hand",
    targets: 1,
    agents: "new",
    server: "same",
    async act({ fleet, targets }) {
      for (const { agent } of targets) await fleet.tmux.killSession(agent.name);
    },
  },
  {
    id: "agent-restarted",
    what: "an agent is restarted",
    targets: 1,
    agents: "new",
    server: "same",
    act: (hit) => order(hit, "restart", unitsOf(hit)),
  },
  {
    id: "agent-stopped",
    what: "an agent is stopped and started",
    targets: 1,
    agents: "new",
    server: "same",
    async act({ fleet, targets }) {
      for (const { agent, pane } of targets) {
        await stop(fleet, agent.unit);
        await proveDown(fleet, agent, pane);
        await start(fleet, agent.unit);
      }
    },
  },
  {
    id: "agents-started-again",
    what: "agents that run are started again",
    agents: "same",
    server: "same",
    async act(hit) {
      const { host } = hit.fleet;
      const script = join(pathsOf(host).tools, "start-agent-session.sh");
      const byHand = hit.targets.map(async ({ agent }) => {
        const result = await host.exec(["sh", script, agent.name], { timeoutMs: 15_000 });
        expect(succeeded(result), "start-agent-session.sh, typed by hand, failed", { said: describeResult(result) });
      });
      await Promise.all([order(hit, "start", unitsOf(hit)), ...byHand]);
    },
  },
  {
    id: "manager-reloaded",
    what: "the manager is reloaded as an agent dies",
    targets: 1,
    agents: "new",
    server: "same",
    async act(hit) {
      const reload = hit.fleet.systemd.daemonReload();
      kill(hit, "SIGKILL");
      const result = await reload;
      expect(succeeded(result), "systemctl daemon-reload failed", { said: describeResult(result) });
    },
  },
  {
    id: "server-killed",
    what: "the tmux server is killed",
    agents: "new",
    server: "new",
    disturbsOthers: true,
    act: async ({ fleet, server }) => void fleet.host.kill(server.pid, "SIGKILL"),
  },
  {
    id: "server-ended",
    what: "the tmux server is asked to end",
    agents: "new",
    server: "new",
    disturbsOthers: true,
    act: async ({ fleet, server }) => void fleet.host.kill(server.pid, "SIGTERM"),
  },
  {
    id: "server-killed-at-starts",
    what: "the tmux server is killed amid restarts",
    agents: "new",
    server: "new",
    disturbsOthers: true,
    async act(hit) {
      const { fleet, server } = hit;
      // Well or not: some of them are in the middle of it.
      const restarts = fleet.systemd.run("restart", unitsOf(hit));
      await fleet.host.pause(20);
      fleet.host.kill(server.pid, "SIGKILL");
      await restarts;
    },
  },
  {
    id: "holder-restarted",
    what: "the holder is restarted",
    agents: "new",
    server: "new",
    disturbsOthers: true,
    act: (hit) => order(hit, "restart", [HOLDER_UNIT]),
  },
  {
    id: "socket-lost",
    what: "the tmux server loses its socket",
    agents: "same",
    server: "same",
    disturbsOthers: true,
    async act({ fleet, server }) {
      await fleet.host.files.removeFile(server.socketPath);
      fleet.host.kill(server.pid, "SIGUSR1");
    },
  },
  {
    id: "agent-stopped-at-crash",
    what: "an agent is stopped as the server dies",
    targets: 1,
    agents: "new",
    server: "new",
    disturbsOthers: true,
    async act({ fleet, targets, server }) {
      for (const { agent, pane } of targets) {
        const stopped = stop(fleet, agent.unit);
        fleet.host.kill(server.pid, "SIGKILL");
        await stopped;
        await proveDown(fleet, agent, pane);
        await start(fleet, agent.unit);
      }
    },
  },
  {
    id: "server-killed-at-reload",
    what: "the server is killed during a reload",
    agents: "new",
    server: "new",
    disturbsOthers: true,
    async act({ fleet, server }) {
      const reload = fleet.systemd.daemonReload();
      fleet.host.kill(server.pid, "SIGKILL");
      const result = await reload;
      expect(succeeded(result), "systemctl daemon-reload failed", { said: describeResult(result) });
    },
  },
  {
    id: "manager-reexecuted",
    what: "the manager is executed anew as one dies",
    targets: 1,
    agents: "new",
    server: "same",
    sandboxOnly: true,
    async act(hit) {
      const again = hit.fleet.systemd.run("daemon-reexec", []);
      kill(hit, "SIGKILL");
      const result = await again;
      expect(succeeded(result), "systemctl daemon-reexec failed", { said: describeResult(result) });
    },
  },
];
