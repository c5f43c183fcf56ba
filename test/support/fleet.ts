import { join } from "node:path";
import { localHost } from "../../src/adapters/local-host.ts";
import { procfsOf } from "../../src/adapters/procfs.ts";
import { systemdOf } from "../../src/adapters/systemd.ts";
import { tmuxOf } from "../../src/adapters/tmux.ts";
import { openSandbox } from "../../src/canary/sandbox.ts";
import type { ExecResult } from "../../src/core/exec.ts";
import type { Host } from "../../src/core/host.ts";
import { agentUnit, DEFAULT_SOCKET, HOLDER_UNIT } from "../../src/core/names.ts";
import { type Paths, pathsOf } from "../../src/core/paths.ts";
import { until } from "../../src/core/until.ts";
import { install } from "../../src/install/install.ts";
import { openTerminals, type Terminals } from "./terminal.ts";

/** A fleet for a test: our layout, installed in a private user manager of its own. */
export interface TestFleet {
  readonly host: Host;
  readonly paths: Paths;
  readonly systemd: ReturnType<typeof systemdOf>;
  readonly tmux: ReturnType<typeof tmuxOf>;
  readonly procfs: ReturnType<typeof procfsOf>;
  readonly root: string;
  /** Terminals of the fleet's user, closed with the fleet. */
  readonly terminals: Terminals;
  /** Writes an agent's environment file; the values stand as they are. */
  agent(name: string, settings: Record<string, string>): Promise<string>;
  /** systemctl --user, as typed. */
  systemctl(...words: string[]): Promise<ExecResult>;
  tmuxCommand(...words: string[]): Promise<ExecResult>;
  unit(name: string): Promise<Awaited<ReturnType<TestFleet["systemd"]["show"]>>[number]>;
  pane(name: string): Promise<Awaited<ReturnType<TestFleet["tmux"]["panes"]>>[number] | undefined>;
  /** Arguments that make journalctl read what the fleet's units said. */
  readonly journalctl: readonly string[];
  /** What the fleet's scripts said, or what was said under other tags, oldest first. */
  journal(...tags: string[]): Promise<string[]>;
  /** A drop-in for a unit, in the runtime folder, and a daemon-reload. */
  dropIn(unit: string, text: string): Promise<void>;
  /** Waits for a state; throws with `what` when it does not come. */
  wait<T>(what: string, look: () => Promise<T | undefined | false>, limitMs?: number): Promise<T>;
  /** The agent is active and its live pane is in its unit. */
  up(name: string): Promise<{ pid: number; sessionId: string }>;
  close(): Promise<void>;
}

export async function openFleet(homeName = "home"): Promise<TestFleet> {
  const sandbox = await openSandbox(localHost(), homeName);
  const { host, root } = sandbox;
  const paths = pathsOf(host);
  const systemd = systemdOf(host);
  const tmux = tmuxOf(host, DEFAULT_SOCKET);
  const procfs = procfsOf(host);
  const systemctl = (...words: string[]) =>
    host.exec(["systemctl", "--user", "--no-pager", ...words], { timeoutMs: 60_000 });
  let terminals: Terminals | undefined;
  const fleet: TestFleet = {
    host,
    paths,
    systemd,
    tmux,
    procfs,
    root,
    get terminals() {
      terminals ??= openTerminals({ ...host.env });
      return terminals;
    },
    systemctl,
    tmuxCommand: (...words) => host.exec(["tmux", "-u", "-N", "-L", DEFAULT_SOCKET, ...words]),
    async agent(name, settings) {
      const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`);
      await host.files.writeAtomic(join(paths.agents, `${name}.env`), lines.join(""), 0o600);
      return name;
    },
    async unit(name) {
      const id = name.includes(".") ? name : agentUnit(name);
      const [unit] = await systemd.show([id], ["ExecStopPost", "ExecStart"]);
      if (unit === undefined) throw new Error(`nothing shown of ${id}`);
      return unit;
    },
    pane: async (name) => (await tmux.panes()).find((pane) => pane.session === name),
    journalctl: sandbox.journal,
    async journal(...tags) {
      const wanted = (tags.length > 0 ? tags : ["mosaic-agent", "mosaic-tmux-holder"]).flatMap((tag) => ["-t", tag]);
      const result = await host.exec(["journalctl", ...sandbox.journal, "-q", "--no-pager", "-o", "cat", ...wanted]);
      return result.stdout.split("\n").filter(Boolean);
    },
    async dropIn(unit, text) {
      const folder = join(paths.runtime ?? "", "systemd/user", `${unit}.d`);
      await host.files.makeFolder(folder);
      await host.files.writeAtomic(join(folder, "50-test.conf"), text, 0o644);
      await systemd.daemonReload();
    },
    async wait(what, look, limitMs = 20_000) {
      const seen = await until(host, limitMs, async () => (await look()) || undefined);
      if (seen !== undefined) return seen;
      throw new Error(`did not come to pass: ${what}\n${(await fleet.journal()).slice(-15).join("\n")}`);
    },
    up: (name) =>
      fleet.wait(`${name} is up`, async () => {
        const [unit, pane] = await Promise.all([fleet.unit(name), fleet.pane(name)]);
        if (unit.active !== "active" || pane === undefined || pane.dead) return undefined;
        return (await procfs.cgroup(pane.pid)) === unit.controlGroup ? pane : undefined;
      }),
    async close() {
      terminals?.close();
      const left = await sandbox.close();
      if (left.length > 0) throw new Error(`the sandbox left ${left.join(", ")}`);
    },
  };
  await install(host, { version: "0.0.0-test" });
  return fleet;
}

export { HOLDER_UNIT };
