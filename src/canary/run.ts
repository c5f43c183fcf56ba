import { cgroupMode } from "../adapters/cgroup.ts";
import { managerProblem } from "../adapters/manager.ts";
import { procfsOf } from "../adapters/procfs.ts";
import { systemdOf } from "../adapters/systemd.ts";
import { tmuxOf } from "../adapters/tmux.ts";
import { versionsOf } from "../adapters/versions.ts";
import { describeError, FleetError } from "../core/errors.ts";
import { describeResult, succeeded } from "../core/exec.ts";
import { type CanaryVerdict, EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { agentOfUnit, HOLDER_UNIT } from "../core/names.ts";
import { fleetSocket } from "../core/settings.ts";
import { typed } from "../core/user-bus.ts";
import { clearLeftAgents, isCanaryAgent, makeAgents, removeCanaryAgents } from "./agents.ts";
import { type CanaryReport, type StepReport, verdictOf } from "./report.ts";
import { openSandbox, type Sandbox } from "./sandbox.ts";
import { BrokenPromise, type Evidence, type Fleet, type Step } from "./step.ts";
import { steps } from "./steps/index.ts";

export interface CanaryOptions {
  readonly sandbox: boolean;
  /** Leaves the sandbox there for a look; the next run clears it. */
  readonly keep: boolean;
  /** Milliseconds for the whole run; cleaning up comes on top. */
  readonly timeoutMs: number;
  readonly version: string;
  readonly onStep?: (report: StepReport) => void;
  readonly onKept?: (sandbox: Sandbox) => void;
}

class Interrupted extends FleetError {
  constructor() {
    super(EXIT.unknown, "The canary was interrupted", "it was told to end before it was done");
  }
}

/** Runs the sequence. Never throws: what keeps it from running or from cleaning up is in the report. */
export async function runCanary(host: Host, options: CanaryOptions): Promise<CanaryReport> {
  const started = host.now();
  const reports: StepReport[] = [];
  const record = (report: StepReport) => {
    reports.push(report);
    options.onStep?.(report);
  };
  let problem: CanaryReport["problem"];
  let verdict: CanaryVerdict | undefined;
  try {
    await inFleet(host, options, (fleet, journal) => runSteps(fleet, journal, started + options.timeoutMs, record));
  } catch (thrown) {
    // Ctrl-C reaches our children too: what fails then fails because of it. But what was left behind is told.
    const told = thrown instanceof FleetError && thrown.exit === EXIT.unknown;
    const error = host.interrupted.aborted && !told ? new Interrupted() : thrown;
    if (error instanceof FleetError) {
      problem = { what: error.what, why: error.why, next: [...error.next] };
      verdict = error.exit === EXIT.unavailable ? "unavailable" : "unknown";
    } else {
      problem = { what: "The canary did not end", why: describeError(error), next: [] };
      verdict = "unknown";
    }
  }
  // What was seen to be broken stays broken, whatever else went wrong.
  const seen = verdictOf(reports);
  return {
    schemaVersion: 1,
    verdict: seen === "broken" ? "broken" : (verdict ?? seen),
    sandbox: options.sandbox,
    ...(problem === undefined ? {} : { problem }),
    steps: reports,
    environment: { binary: options.version, ...(await versionsOf(host)), cgroup: await cgroupMode(host) },
    ms: Math.round(host.now() - started),
  };
}

type Use = (fleet: Fleet, journal: readonly string[]) => Promise<void>;

/** Hands a fleet to `use` and leaves nothing of it behind, however that ends. */
async function inFleet(host: Host, options: CanaryOptions, use: Use): Promise<void> {
  if (!options.sandbox) {
    const problem = await managerProblem(host, await systemdOf(host).managerVersion());
    if (problem !== undefined)
      throw new FleetError(
        EXIT.unavailable,
        "The user manager cannot be reached",
        problem.cause,
        typed(problem.remedy),
      );
    const tmux = await host.exec(["tmux", "-V"]);
    if (!succeeded(tmux))
      throw new FleetError(EXIT.unavailable, "The canary cannot run", describeResult(tmux), [
        "sudo apt-get install tmux",
      ]);
    return withAgents(host, options, await rememberDefaultServer(host), ["--user"], use);
  }
  const sandbox = await openSandbox(host);
  try {
    await withAgents(sandbox.host, options, await rememberDefaultServer(host), sandbox.journal, use);
  } finally {
    if (options.keep) options.onKept?.(sandbox);
    else await closeSandbox(sandbox);
  }
}

async function closeSandbox(sandbox: Sandbox): Promise<void> {
  const left = await sandbox.close();
  if (left.length > 0)
    throw new FleetError(EXIT.unknown, "The sandbox was not removed whole", `left behind: ${left.join(", ")}`, [
      "mosaic-fleet canary --sandbox",
    ]);
}

async function withAgents(
  host: Host,
  options: CanaryOptions,
  defaultServer: Fleet["defaultServer"],
  journal: readonly string[],
  use: Use,
): Promise<void> {
  const systemd = systemdOf(host);
  const socket = await fleetSocket(host);
  const ranBeforeTheKilled = await clearLeftAgents(host);
  const [holderNow] = await systemd.show([HOLDER_UNIT]);
  const holderRan = ranBeforeTheKilled ?? holderNow?.active === "active";
  const secret = crypto.randomUUID();
  const [first, second] = await makeAgents(host, secret, holderRan);
  const tmux = tmuxOf(host, socket);
  const others = async () => {
    const agents = (await systemd.list("mosaic-agent@*")).flatMap(({ unit, active }) =>
      active === "inactive" || active === "failed" ? [] : [agentOfUnit(unit) ?? unit],
    );
    const sessions = (await tmux.panes()).map(({ session }) => session);
    return [...new Set([...agents, ...sessions])].filter((name) => !isCanaryAgent(name));
  };
  try {
    await systemd.daemonReload();
    await use(
      {
        host,
        sandboxed: options.sandbox,
        version: options.version,
        systemd,
        socket,
        tmux,
        procfs: procfsOf(host),
        first,
        second,
        secret,
        defaultServer,
        others,
      },
      journal,
    );
  } finally {
    try {
      if (!(options.sandbox && options.keep)) await removeCanaryAgents(host, [first, second]);
    } finally {
      if (!options.sandbox) await restoreHolder(host, holderRan, others);
    }
  }
}

/** A holder that was stopped is stopped after, one that ran runs after. Whatever else is on it keeps it as it is. */
async function restoreHolder(host: Host, ranBefore: boolean, others: () => Promise<string[]>): Promise<void> {
  const systemd = systemdOf(host);
  if (ranBefore) await systemd.run("start", [HOLDER_UNIT]);
  else if ((await others()).length > 0) return;
  else {
    await systemd.run("stop", [HOLDER_UNIT]);
    await systemd.run("reset-failed", [HOLDER_UNIT]);
  }
  const [now] = await systemd.show([HOLDER_UNIT]);
  if (now?.active !== (ranBefore ? "active" : "inactive"))
    throw new FleetError(
      EXIT.unknown,
      "The canary did not leave the holder as it was",
      `it ${ranBefore ? "ran" : "was stopped"} before, and is ${now?.active} now`,
      [`systemctl --user ${ranBefore ? "start" : "stop"} ${HOLDER_UNIT}`],
    );
}

/** One line about the default tmux server: its process and its sessions. It is only ever asked, never started. */
async function rememberDefaultServer(host: Host): Promise<Fleet["defaultServer"]> {
  const tmux = tmuxOf(host, undefined);
  const look = async () => {
    const server = await tmux.server();
    if (server === undefined) return undefined;
    const panes = await tmux.panes();
    return `process ${server.pid}: ${panes.map((pane) => `${pane.sessionId} ${pane.session} (process ${pane.pid})`).join(", ") || "no session"}`;
  };
  return { look, before: await look() };
}

async function runSteps(
  fleet: Fleet,
  journal: readonly string[],
  deadline: number,
  record: (report: StepReport) => void,
): Promise<void> {
  const passed = new Set<string>();
  for (const step of steps) {
    if (fleet.host.interrupted.aborted) throw new Interrupted();
    const { id, title } = step;
    const leave = (status: "skip" | "blocked", message: string) =>
      record({ id, title, status, ms: 0, message, evidence: {} });
    const blockers = step.requires.filter((needed) => !passed.has(needed));
    if (blockers.length > 0) {
      leave("blocked", `needs ${blockers.join(", ")}, which did not pass`);
      continue;
    }
    const others = step.disturbsOthers && !fleet.sandboxed ? await fleet.others() : [];
    if (others.length > 0) {
      leave("skip", `others are on this fleet (${others.join(", ")}) and would be disturbed`);
      continue;
    }
    const report = await runStep(fleet, step, journal, deadline);
    if (report.status === "pass") passed.add(id);
    record(report);
  }
}

/** One step within its limit and the run's. A step that is over its limit has broken its promise. */
async function runStep(fleet: Fleet, step: Step, journal: readonly string[], deadline: number): Promise<StepReport> {
  const { host } = fleet;
  const started = host.now();
  const { id, title } = step;
  const limitMs = Math.min(step.limitMs, deadline - started);
  const finish = (status: StepReport["status"], evidence: Evidence, message?: string): StepReport => ({
    id,
    title,
    status,
    ms: Math.round(host.now() - started),
    ...(message === undefined ? {} : { message }),
    evidence: hideSecret(evidence, fleet.secret),
  });
  try {
    return finish("pass", await withinLimit(fleet, step, limitMs));
  } catch (error) {
    if (host.interrupted.aborted) throw new Interrupted();
    const said = await journalTail(host, journal);
    if (error instanceof BrokenPromise) return finish("fail", { ...error.evidence, journal: said }, error.message);
    if (error instanceof OverLimit && limitMs < step.limitMs)
      return finish("unknown", { journal: said }, "the time-out of the whole run came first");
    if (error instanceof OverLimit) return finish("fail", { journal: said }, `not done within ${limitMs / 1000} s`);
    return finish("unknown", { journal: said }, `could not tell: ${describeError(error)}`);
  }
}

class OverLimit extends Error {}

async function withinLimit(fleet: Fleet, step: Step, limitMs: number): Promise<Evidence> {
  const { host } = fleet;
  const over = new AbortController();
  const limit = host.pause(Math.max(0, limitMs), AbortSignal.any([over.signal, host.interrupted]));
  const work = step.run(leashed(fleet, over.signal));
  try {
    return await Promise.race([
      work,
      limit.then(() => {
        throw host.interrupted.aborted ? new Interrupted() : new OverLimit();
      }),
    ]);
  } finally {
    over.abort();
    work.catch(() => undefined); // it may still fail after we stopped listening
  }
}

/** The fleet for one step: once that is over it does nothing more, neither beside the next step nor after the clean-up. */
function leashed(fleet: Fleet, over: AbortSignal): Fleet {
  const { exec, kill, pause } = fleet.host;
  const check = () => {
    if (over.aborted) throw new OverLimit();
  };
  const host: Host = {
    ...fleet.host,
    async exec(argv, options) {
      check();
      return exec(argv, options);
    },
    kill(pid, signal) {
      check();
      return kill(pid, signal);
    },
    async pause(milliseconds, cancelled) {
      await pause(milliseconds, cancelled === undefined ? over : AbortSignal.any([over, cancelled]));
      check();
    },
  };
  return { ...fleet, host, systemd: systemdOf(host), tmux: tmuxOf(host, fleet.socket), procfs: procfsOf(host) };
}

async function journalTail(host: Host, journal: readonly string[]): Promise<string[]> {
  const result = await host.exec([
    "journalctl",
    ...journal,
    "--no-pager",
    "-q",
    "-o",
    "short",
    "-n",
    "12",
    "-t",
    "mosaic-agent",
    "-t",
    "mosaic-tmux-holder",
  ]);
  return result.stdout.split("\n").filter((line) => line !== "");
}

function hideSecret(evidence: Evidence, secret: string): StepReport["evidence"] {
  return JSON.parse(JSON.stringify(evidence).replaceAll(secret, "[secret]")) as StepReport["evidence"];
}
