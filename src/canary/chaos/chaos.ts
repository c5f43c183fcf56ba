import { randomFrom } from "../../core/random.ts";
import { until } from "../../core/until.ts";
import { allOf } from "../agents.ts";
import type { StepReport } from "../report.ts";
import { type Bench, chosen, type Run, runSequence } from "../sequence.ts";
import { BrokenPromise, type CanaryAgent, type Evidence, expect, type Fleet, Late, type Step } from "../step.ts";
import { defaultServer } from "../steps/default-server.ts";
import { proveHolder } from "../steps/holder.ts";
import { steps } from "../steps/index.ts";
import { proveItself, proveUp, start } from "../steps/support.ts";
import { FAULTS, type Fault, type Target } from "./faults.ts";

export interface ChaosOptions {
  /** The same seed chooses the same faults, in the same order. */
  readonly seed: number;
  /** Milliseconds: after these no fault is done any more. */
  readonly forMs: number;
}

/** What a seed has chosen: a fault, and the agent that it is done to where it is done to one. */
export interface Choice {
  readonly fault: Fault;
  /** Its place among the agents. */
  readonly agent: number;
}

/** How long it may take until all is well again, in milliseconds. */
const BACK_LIMIT_MS = 20_000;

/** The agents that live through it: what they run does not end by itself. */
function agentsIn({ first, second, own }: Pick<Fleet, "first" | "second" | "own">): readonly CanaryAgent[] {
  return [first, second, own.caller, own.neighbour];
}

/** Choices without end. Each takes as many numbers, whatever it is: so what is left out changes nothing of the others. */
export function* choices(seed: number, agents: number): Generator<Choice, never> {
  const random = randomFrom(seed);
  const below = (count: number) => Math.floor(random() * count);
  for (;;) {
    const fault = FAULTS[below(FAULTS.length)];
    const agent = below(agents);
    if (fault !== undefined) yield { fault, agent };
  }
}

/**
 * Starts the agents, does faults at random, one after another, and sees each time that all is well again. Ends with the first
 * promise that is not kept, or when the time is over. Throws Interrupted.
 */
export async function runChaos(bench: Bench<Fleet>, fleet: Fleet, options: ChaosOptions, run: Run): Promise<void> {
  const { host } = bench;
  const well = (reports: readonly StepReport[]) =>
    reports.every(({ status }) => status === "pass" || status === "skip");
  if (!well(await runSequence(bench, chosen(steps, ["agent"]), run))) return;
  for (const agent of agentsIn(fleet)) await start(fleet, agent.unit);
  const over = host.now() + options.forMs;
  let done = 0;
  for (const choice of choices(options.seed, agentsIn(fleet).length)) {
    if (choice.fault.sandboxOnly && !fleet.sandboxed) continue;
    if (choice.fault.disturbsOthers && (await bench.others()).length > 0) continue;
    // Their starts are counted from here on: ten in ten minutes are the most that systemd allows.
    await fleet.systemd.run(
      "reset-failed",
      allOf(fleet).map(({ unit }) => unit),
    );
    done += 1;
    const step = stepOf(choice, done);
    const reports = await runSequence(bench, [step], { ...run, deadline: host.now() + step.limitMs + 1 });
    if (!well(reports) || host.now() >= over) break;
  }
  await runSequence(bench, [defaultServer], { ...run, deadline: host.now() + defaultServer.limitMs + 1 });
}

function stepOf({ fault, agent }: Choice, number: number): Step {
  return {
    id: `${number}.${fault.id}`,
    title: `${fault.what}: all is well again`,
    limitMs: 60_000,
    requires: [],
    ...(fault.disturbsOthers ? { disturbsOthers: true } : {}),
    run: (fleet) => doAndSee(fleet, fault, agent),
  };
}

async function doAndSee(fleet: Fleet, fault: Fault, place: number): Promise<Evidence> {
  const all: Target[] = [];
  for (const agent of agentsIn(fleet)) all.push({ agent, pane: await proveUp(fleet, agent) });
  const server = await proveHolder(fleet);
  const targets = fault.targets === 1 ? all.slice(place, place + 1) : all;
  const begun = fleet.host.now();
  await fault.act({ fleet, server, targets });
  // On its way until its time is over: then what is still wrong is the broken promise.
  let wrong: BrokenPromise | undefined;
  const back = await until(fleet.host, BACK_LIMIT_MS, async () => {
    try {
      await proveWell(fleet, fault, { all, targets, server });
      return true;
    } catch (error) {
      if (error instanceof ForGood || !(error instanceof BrokenPromise)) throw error;
      wrong = error;
      return undefined;
    }
  });
  if (back === undefined && wrong !== undefined)
    throw new Late(`${BACK_LIMIT_MS / 1000} s after it: ${wrong.message}`, wrong.evidence);
  return {
    "done to": targets.map(({ agent }) => agent.name),
    "all well after ms": Math.round(fleet.host.now() - begun),
  };
}

/** What no time mends. */
class ForGood extends BrokenPromise {}

interface Before {
  readonly all: readonly Target[];
  readonly targets: readonly Target[];
  readonly server: { readonly pid: number };
}

/** Holder and agents are up, those that should be are other processes, all others the same, and no session is there twice. */
async function proveWell(fleet: Fleet, fault: Fault, { all, targets, server }: Before): Promise<void> {
  const now = await proveHolder(fleet);
  changed("the tmux server", server.pid, now.pid, fault.server === "new");
  for (const { agent, pane } of all) {
    const hit = fault.agents === "new" && targets.some((each) => each.agent === agent);
    const present = await proveUp(fleet, agent);
    changed(agent.name, pane.pid, present.pid, hit || fault.server === "new");
    await proveItself(fleet, agent, present);
  }
  const ours = all.map(({ agent }) => agent.name);
  const twice = (await fleet.tmux.panes()).filter(({ session }) => ours.includes(session));
  expect(twice.length === ours.length, "an agent's session has more than the agent's pane", {
    panes: twice.map(({ session, pid }) => `${session} (process ${pid})`),
  });
}

/** Another process than before, where it should be; where it should not, that is for good. */
function changed(what: string, before: number, now: number, should: boolean): void {
  if ((before !== now) === should) return;
  const evidence = { before, now };
  if (should) throw new BrokenPromise(`${what} is still the same process`, evidence);
  throw new ForGood(`${what} is another process than before`, evidence);
}
