import { describeError, FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import type { StepReport } from "./report.ts";
import { BrokenPromise, type Evidence, Late, type Step, Untried } from "./step.ts";

/** What steps are tried on, and what the runner has to know of it. */
export interface Bench<T> {
  readonly host: Host;
  /** What a step gets: on this host, which does nothing more once the step's time is over. */
  subject(host: Host): T;
  /** Whom a step would disturb that disturbs others: names. */
  others(): Promise<readonly string[]>;
  /** What was said of late, for a step that did not pass. */
  said(): Promise<readonly string[]>;
  /** A report as anybody may read it, with what is secret hidden. It never throws. */
  shown(report: StepReport): Promise<StepReport>;
  /** Whether something that was asked of the manager is on its way. Where not, a command that does not end says nothing of a promise. */
  busy(): Promise<boolean>;
  /** As slowness(). */
  slow(): Promise<number | undefined>;
  /** Done where a step has not passed, before the next one changes what is there. It never throws. */
  lookAround?(): Promise<void>;
}

export interface Run {
  /** When the run began, and when its time is over, on the host's clock. */
  readonly started: number;
  readonly deadline: number;
  readonly round: number;
  onStart?(step: Pick<StepReport, "id" | "round" | "startMs">): void;
  onStep?(report: StepReport): void;
}

const NO_TIME = "the time-out of the whole run came first";

export class Interrupted extends FleetError {
  constructor() {
    super(EXIT.unknown, "The canary was interrupted", "it was told to end before it was done", []);
  }
}

/** Those that are asked for, with what they require; all of them where nothing is. */
export function chosen<T>(steps: readonly Step<T>[], only: readonly string[] | undefined): readonly Step<T>[] {
  if (only === undefined) return steps;
  const wanted = new Set(only);
  for (const step of steps.toReversed())
    if (wanted.has(step.id)) for (const needed of step.requires) wanted.add(needed);
  return steps.filter(({ id }) => wanted.has(id));
}

/**
 * Tries the steps in their order; those that need nothing of the others run beside them. The reports come in that order,
 * too, but onStep() hears of each as it ends. Throws Interrupted, when none of them runs any more.
 */
export async function runSequence<T>(bench: Bench<T>, steps: readonly Step<T>[], run: Run): Promise<StepReport[]> {
  const reports = new Map<Step<T>, StepReport>();
  const passed = new Set<string>();
  const settle = async (step: Step<T>) => {
    const report = await bench.shown(await tryStep(bench, step, run, passed));
    if (report.status === "pass") passed.add(step.id);
    reports.set(step, report);
    if (report.status === "fail" || report.status === "unknown") await bench.lookAround?.();
    run.onStep?.(report);
  };
  const beside: Promise<void>[] = [];
  try {
    for (const step of steps) {
      if (step.last || step.disturbsOthers) await Promise.all(beside);
      if (!step.beside) await settle(step);
      else {
        const work = settle(step);
        work.catch(() => undefined); // it is waited for below
        beside.push(work);
      }
    }
    await Promise.all(beside);
  } finally {
    await Promise.allSettled(beside);
  }
  return steps.flatMap((step) => reports.get(step) ?? []);
}

async function tryStep<T>(bench: Bench<T>, step: Step<T>, run: Run, passed: ReadonlySet<string>): Promise<StepReport> {
  const { host } = bench;
  if (host.interrupted.aborted) throw new Interrupted();
  const begun = host.now();
  const { round } = run;
  const { id, title } = step;
  const startMs = Math.round(begun - run.started);
  const finish = (status: StepReport["status"], evidence: Evidence, message?: string): StepReport => ({
    id,
    title,
    status,
    round,
    startMs,
    ms: Math.round(host.now() - begun),
    ...(message === undefined ? {} : { message }),
    evidence: JSON.parse(JSON.stringify(evidence)) as StepReport["evidence"],
  });
  const blockers = step.requires.filter((needed) => !passed.has(needed));
  if (blockers.length > 0) return finish("blocked", {}, `needs ${blockers.join(", ")}, which did not pass`);
  const others = step.disturbsOthers ? await bench.others() : [];
  if (others.length > 0)
    return finish("skip", {}, `others are on this fleet (${others.join(", ")}) and would be disturbed`);
  if (run.deadline <= begun) return finish("unknown", {}, NO_TIME);
  run.onStart?.({ id, round, startMs });
  const limitMs = Math.min(step.limitMs, run.deadline - begun);
  try {
    return finish("pass", await withinLimit(bench, step, limitMs));
  } catch (error) {
    if (host.interrupted.aborted) throw new Interrupted();
    if (error instanceof Untried) return finish("skip", {}, error.message);
    const journal = [...(await bench.said())];
    const late = async (seen: Evidence, message: string) => {
      const slow = await bench.slow();
      if (slow === undefined) return finish("fail", { ...seen, journal }, message);
      const why = `this machine is slow: a program that does nothing takes ${slow} ms`;
      return finish("unknown", { ...seen, journal }, `could not tell: ${message}, and ${why}`);
    };
    if (error instanceof Late) return late(error.evidence, error.message);
    if (error instanceof BrokenPromise) return finish("fail", { ...error.evidence, journal }, error.message);
    if (!(error instanceof OverLimit)) return finish("unknown", { journal }, `could not tell: ${describeError(error)}`);
    // A step that is over its own limit has broken its promise; one that had no time for it has not, nor one that waited for nothing.
    if (limitMs < step.limitMs) return finish("unknown", { journal }, NO_TIME);
    const message = `not done within ${limitMs / 1000} s`;
    const [order] = error.waitedFor.filter(([program]) => program === "systemctl");
    if (order === undefined || (await bench.busy())) return late({}, message);
    return finish("unknown", { journal }, `could not tell: ${message}, for ${order.join(" ")} did not end`);
  }
}

class OverLimit extends Error {
  /** `waitedFor`: the commands that had not ended. */
  constructor(readonly waitedFor: readonly (readonly string[])[] = []) {
    super();
  }
}

async function withinLimit<T>(bench: Bench<T>, step: Step<T>, limitMs: number): Promise<Evidence> {
  const { host } = bench;
  const over = new AbortController();
  const limit = host.pause(Math.max(0, limitMs), AbortSignal.any([over.signal, host.interrupted]));
  const running = new Map<Promise<unknown>, readonly string[]>();
  const work = step.run(bench.subject(leashed(host, over.signal, running)));
  try {
    return await Promise.race([
      work,
      limit.then(() => {
        throw host.interrupted.aborted ? new Interrupted() : new OverLimit([...running.values()]);
      }),
    ]);
  } finally {
    over.abort();
    work.catch(() => undefined); // it may still fail after we stopped listening
    await Promise.allSettled(running.keys()); // a start that comes after the clean-up's stop would undo it
  }
}

/**
 * The host for one step: once that is over it does nothing more, neither beside the next step nor after the clean-up, and
 * what it has `running` is killed.
 */
function leashed(host: Host, over: AbortSignal, running: Map<Promise<unknown>, readonly string[]>): Host {
  const check = () => {
    if (over.aborted) throw new OverLimit();
  };
  return {
    ...host,
    async exec(argv, options) {
      check();
      const child = host.exec(argv, { ...options, cancelled: over });
      running.set(child, argv);
      return child.finally(() => running.delete(child));
    },
    kill(pid, signal) {
      check();
      return host.kill(pid, signal);
    },
    async pause(milliseconds, cancelled) {
      await host.pause(milliseconds, cancelled === undefined ? over : AbortSignal.any([over, cancelled]));
      check();
    },
  };
}
