import { cgroupMode } from "../adapters/cgroup.ts";
import { procfsOf } from "../adapters/procfs.ts";
import { systemdOf } from "../adapters/systemd.ts";
import { tmuxOf } from "../adapters/tmux.ts";
import { versionsOf } from "../adapters/versions.ts";
import { describeError, FleetError } from "../core/errors.ts";
import { succeeded } from "../core/exec.ts";
import { type CanaryVerdict, EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { DEFAULT_SOCKET, HOLDER_UNIT } from "../core/names.ts";
import { allOf } from "./agents.ts";
import { type ChaosOptions, runChaos } from "./chaos/chaos.ts";
import { FAULTS } from "./chaos/faults.ts";
import { type FleetOptions, inFleet } from "./fleet.ts";
import { type Half, inHalf } from "./half/half.ts";
import { halfSteps } from "./half/steps/index.ts";
import { type Privacy, privacyOf } from "./privacy.ts";
import { type CanaryReport, type Level, type StepReport, verdictOf } from "./report.ts";
import type { ReportFolder } from "./report-folder.ts";
import type { Scene } from "./scene.ts";
import { type Bench, chosen, Interrupted, type Run, runSequence } from "./sequence.ts";
import { slowness } from "./slowness.ts";
import type { Fleet, Step } from "./step.ts";
import { steps } from "./steps/index.ts";

export interface CanaryOptions extends FleetOptions {
  /** Milliseconds for each round; cleaning up comes on top. */
  readonly timeoutMs: number;
  /** The whole fleet unless told. */
  readonly level?: Level;
  /** Steps to try, with what they require; all unless told. */
  readonly only?: readonly string[];
  /** How often the sequence is run; once unless told. */
  readonly rounds?: number;
  /** Instead of the sequence. */
  readonly chaos?: ChaosOptions;
  /** Of all that is shown; one of its own unless told. */
  readonly privacy?: Privacy;
  /** Gets to see what is so when a promise is broken. */
  readonly folder?: Pick<ReportFolder, "look" | "listen">;
  readonly onStart?: Run["onStart"];
  readonly onStep?: (report: StepReport) => void;
}

/** The steps of a level, in their order, without what they work on. */
export function stepsOf(level: Level): readonly Omit<Step<never>, "run">[] {
  return level === "fleet" ? steps : halfSteps;
}

/** Runs the sequence. Never throws: what keeps it from running or from cleaning up is in the report. */
export async function runCanary(host: Host, options: CanaryOptions): Promise<CanaryReport> {
  const started = host.now();
  const level = options.level ?? "fleet";
  const rounds = options.rounds ?? 1;
  const privacy = options.privacy ?? privacyOf(host);
  const reports: StepReport[] = [];
  const onStep = (report: StepReport) => {
    reports.push(report);
    options.onStep?.(report);
  };
  const { onStart } = options;
  const runOf = (round: number): Run => {
    const deadline = host.now() + options.timeoutMs;
    return { started, deadline, round, onStep, ...(onStart === undefined ? {} : { onStart }) };
  };
  const inRounds = async <T>(bench: Bench<T>, all: readonly Step<T>[], asNew: () => Promise<void>) => {
    for (let round = 1; round <= rounds; round++) {
      if (round > 1) await asNew();
      await runSequence(bench, chosen(all, options.only), runOf(round));
    }
  };
  let problem: CanaryReport["problem"];
  let verdict: CanaryVerdict | undefined;
  try {
    const { folder } = options;
    if (level === "tmux")
      await inHalf(host, options, async (half) => {
        await inRounds(halfBench(half, privacy, folder), halfSteps, async () => {});
      });
    else
      await inFleet(host, options, async (fleet, journal) => {
        const bench = fleetBench(fleet, journal, privacy, folder);
        if (options.chaos === undefined) await inRounds(bench, steps, () => asNew(fleet));
        else await runChaos(bench, fleet, options.chaos, runOf(1));
        if (verdictOf(reports, level) !== "pass") await folder?.listen(sceneOf(fleet, journal));
      });
  } catch (thrown) {
    // Ctrl-C reaches our children too: what fails then fails because of it. But what was left behind is told.
    const told = thrown instanceof FleetError && thrown.exit === EXIT.unknown;
    const error = host.interrupted.aborted && !told ? new Interrupted() : thrown;
    if (error instanceof FleetError) {
      problem = privacy.hide({ what: error.what, why: error.why, next: [...error.next] });
      verdict = error.exit === EXIT.unavailable ? "unavailable" : "unknown";
    } else {
      problem = privacy.hide({ what: "The canary did not end", why: describeError(error), next: [] });
      verdict = "unknown";
    }
  }
  // What was seen to be broken stays broken, whatever else went wrong.
  const seen = verdictOf(reports, level);
  return {
    schemaVersion: 1,
    verdict: seen === "broken" ? "broken" : (verdict ?? seen),
    level,
    sandbox: options.sandbox || level === "tmux",
    only: options.only === undefined ? null : [...options.only],
    rounds,
    ...(problem === undefined ? {} : { problem }),
    steps: options.chaos === undefined ? inOrder(reports, level) : reports,
    ...(options.chaos === undefined ? {} : { chaos: chaosOf(reports, options.chaos, options.sandbox) }),
    environment: { binary: options.version, ...(await versionsOf(host)), cgroup: await cgroupMode(host) },
    ms: Math.round(host.now() - started),
  };
}

function chaosOf(
  reports: readonly StepReport[],
  { seed, forMs }: ChaosOptions,
  sandbox: boolean,
): NonNullable<CanaryReport["chaos"]> {
  const done = reports.flatMap((report) => {
    const [, fault] = /^\d+\.(.+)$/.exec(report.id) ?? [];
    return fault === undefined || report.status === "skip" ? [] : [{ ...report, fault }];
  });
  const kinds = FAULTS.map(({ id }) => {
    const times = done.filter(({ fault }) => fault === id).map(({ ms }) => ms);
    return { fault: id, count: times.length, slowestMs: Math.max(0, ...times) };
  });
  const words = [...(sandbox ? ["--sandbox"] : []), "--chaos", "--seed", seed, "--for", `${forMs / 1000}s`];
  return {
    seed,
    forMs,
    faults: done.length,
    broken: done.filter(({ status }) => status === "fail").length,
    unknown: done.filter(({ status }) => status === "unknown").length,
    kinds: kinds.filter(({ count }) => count > 0),
    again: `mosaic-fleet canary ${words.join(" ")}`,
  };
}

/** By rounds, in each as the steps stand in their list, whichever ended first. */
function inOrder(reports: readonly StepReport[], level: Level): StepReport[] {
  const ids = stepsOf(level).map(({ id }) => id);
  return reports.toSorted((a, b) => a.round - b.round || ids.indexOf(a.id) - ids.indexOf(b.id));
}

function sceneOf(fleet: Fleet, journal: readonly string[]): Scene {
  const { host, sandboxed, socket, secret } = fleet;
  const agents = allOf(fleet);
  const units = [HOLDER_UNIT, ...agents.map(({ unit }) => unit)];
  return { host, sandboxed, socket, agents, units, journal, secret };
}

/** A report with its secrets hidden; those of the fleet are learned where something was seen that is not as it should be. */
async function shownBy(privacy: Privacy, scene: Scene, report: StepReport): Promise<StepReport> {
  if (report.status !== "fail" && report.status !== "unknown") return privacy.hide(report);
  try {
    await privacy.learn(scene);
    return privacy.hide(report);
  } catch (error) {
    // What cannot be hidden is not shown.
    return privacy.hide({ ...report, evidence: { "left out": `what is secret in it: ${describeError(error)}` } });
  }
}

function fleetBench(
  fleet: Fleet,
  journal: readonly string[],
  privacy: Privacy,
  folder: CanaryOptions["folder"],
): Bench<Fleet> {
  const scene = sceneOf(fleet, journal);
  return {
    lookAround: async () => folder?.look(scene),
    host: fleet.host,
    shown: (report) => shownBy(privacy, scene, report),
    async busy() {
      const jobs = await fleet.host.exec(["systemctl", "--user", "--no-pager", "--no-legend", "list-jobs"]);
      return succeeded(jobs) && jobs.stdout.trim() !== "";
    },
    subject: (host) => ({
      ...fleet,
      host,
      systemd: systemdOf(host),
      tmux: tmuxOf(host, fleet.socket),
      procfs: procfsOf(host),
    }),
    slow: () => slowness(fleet.host),
    others: async () => (fleet.sandboxed ? [] : await fleet.others()),
    async said() {
      const tags = ["-t", "mosaic-agent", "-t", "mosaic-tmux-holder"];
      const argv = ["journalctl", ...journal, "--no-pager", "-q", "-o", "short", "-n", "12", ...tags];
      return (await fleet.host.exec(argv)).stdout.split("\n").filter((line) => line !== "");
    },
  };
}

function halfBench(half: Half, privacy: Privacy, folder: CanaryOptions["folder"]): Bench<Half> {
  const { host, secret, sandboxed } = half;
  const agents = Object.values(half.agents);
  const scene = { host, sandboxed, socket: DEFAULT_SOCKET, agents, units: [], journal: undefined, secret };
  return {
    lookAround: async () => folder?.look(scene),
    host: half.host,
    shown: (report) => shownBy(privacy, scene, report),
    busy: async () => false, // there is no manager
    slow: () => slowness(host),
    subject: (host) => ({ ...half, host, tmux: tmuxOf(host, DEFAULT_SOCKET), procfs: procfsOf(host) }),
    others: async () => [],
    said: async () => [], // what its scripts say is in what a step has seen
  };
}

/** As before the first round: no agent runs, and their starts are counted from here on (systemd allows ten in ten minutes). */
async function asNew(fleet: Fleet): Promise<void> {
  const units = allOf(fleet).map(({ unit }) => unit);
  await fleet.systemd.run("stop", units);
  await fleet.systemd.run("reset-failed", units);
}
