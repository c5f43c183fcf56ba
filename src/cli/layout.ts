import { version } from "../../package.json";
import type { CanaryReport, StepReport } from "../canary/report.ts";
import { describeError, FleetError } from "../core/errors.ts";
import { EXIT, type ExitCode, exitOf } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { tilde } from "../core/paths.ts";
import { conflicts, keeps } from "../install/action.ts";
import type { Installed, InstallOptions } from "../install/install.ts";
import { UsageError } from "./command.ts";
import { renderError } from "./report/error.ts";
import { planDocument } from "./report/plan.ts";

const OUTPUTS: ("human" | "json")[] = ["human", "json"];

/** What install, rollback and uninstall take alike. */
export const layoutArgs = {
  "dry-run": { type: "boolean", description: "show what would be done, with a diff for each file, and do nothing" },
  restart: {
    type: "boolean",
    description: "restart what still runs as before, wait until every agent is back, and run the canary",
  },
  yes: { type: "boolean", description: "ask nothing" },
  output: {
    type: "enum",
    alias: "o",
    options: OUTPUTS,
    default: "human",
    description: "what to print",
  },
} as const;

/** Asks about a file that both sides have changed, as often as its diff is asked for. */
export function decideAtTerminal(host: Host): NonNullable<InstallOptions["decide"]> {
  return async ({ path, theirs, ours }) => {
    for (;;) {
      const question = `${tilde(path, host.user.home)}:\n  You and this version have changed it. Taking ours keeps yours beside it.\n  Keep yours, take ours, or show the diff? [keep/take/diff] `;
      const answer = await host.choose(question, ["keep", "take", "diff"]);
      if (answer !== "diff") return answer;
      const { unifiedDiff, writeDiff } = await import("./report/diff.ts");
      writeDiff(host.stderr, unifiedDiff(path, theirs, ours));
    }
  };
}

/** Asks whether the settings that install proposes are to be written; where there is nobody to ask, they are. */
export function confirmSeed(host: Host): NonNullable<NonNullable<InstallOptions["seed"]>["confirm"]> {
  return async ({ path, notes: [line = "", ...found] }) => {
    const { home } = host.user;
    const question = [
      "Agents do not find these yet:",
      ...found.map((each) => `  ${each}`),
      `To be written to ${tilde(path, home)}, which is yours then:`,
      `  ${line}`,
      "Write it? [y/N] ",
    ];
    return (await host.ask(question.join("\n"))) ?? true;
  };
}

/**
 * The exit code for a layout: what is in the way, still to be decided, not back or not proved to hold is never a success. Says on
 * stderr what is not back.
 */
export function layoutExit(
  host: Host,
  { plan, notBack }: Pick<Installed, "plan" | "notBack">,
  canary?: CanaryReport,
): ExitCode {
  if (notBack !== undefined) return renderError(host, notBack);
  if (conflicts(plan).length > 0) return EXIT.cantcreate;
  return keeps(plan).some(({ kept }) => kept === "undecided") ? EXIT.broken : exitOf(canary?.verdict ?? "pass");
}

export function printJson(host: Host, document: object): void {
  host.stdout.write(`${JSON.stringify({ schemaVersion: 1, ...document }, null, 2)}\n`);
}

/** The document of install and rollback. */
export async function layoutDocument(
  host: Host,
  { version, cutOff, applied, outdated, restarted, notBack, notes, plan }: Installed,
  diffs: boolean,
  canary?: CanaryReport,
): Promise<void> {
  const steps = await planDocument(plan, diffs);
  const problem = notBack === undefined ? {} : { problem: problemOf(notBack) };
  const proof = canary === undefined ? {} : { canary };
  printJson(host, { version, cutOff, applied, outdated, restarted, ...problem, notes, steps, ...proof });
}

/** `--restart` of a command: what a canary left that was killed goes first. Loaded only where it is asked for. */
export function restartArg(
  host: Host,
  command: "install" | "rollback",
  asked = false,
): Pick<InstallOptions, "restart"> {
  if (!asked) return {};
  const clear = async () => {
    const { clearKilledRuns, notWhileAnother } = await import("../canary/fleet.ts");
    return clearKilledRuns(host, notWhileAnother("Nothing was restarted", `mosaic-fleet ${command} --restart`));
  };
  return { restart: { clear } };
}

/**
 * The canary, where there is anything to prove. Loaded only where it runs: an install should cost no more than what it
 * does.
 */
export async function proveRestart(
  host: Host,
  { unproved }: Installed,
  human: boolean,
): Promise<CanaryReport | undefined> {
  if (!unproved) return undefined;
  const { runCanary } = await import("../canary/run.ts");
  const { renderStep, renderVerdict } = await import("./report/canary.ts");
  const onStep = human ? { onStep: (step: StepReport) => renderStep(host.stdout, step) } : {};
  const report = await runCanary(host, { sandbox: false, keep: false, timeoutMs: 180_000, version, ...onStep });
  if (human) renderVerdict(host.stdout, report);
  return report;
}

/** Runs a command whose JSON document also tells what kept it from working. */
export async function withProblem(host: Host, human: boolean, run: () => Promise<ExitCode>): Promise<ExitCode> {
  try {
    return await run();
  } catch (error) {
    if (!human && !(error instanceof UsageError)) documentProblem(host, problemOf(error));
    throw error;
  }
}

interface Problem {
  readonly what: string;
  readonly why: string;
  readonly next: readonly string[];
}

/** What went wrong, as it is in a document. */
export function problemOf(error: unknown): Problem {
  if (!(error instanceof FleetError)) return { what: "A defect of this program", why: describeError(error), next: [] };
  return { what: error.what, why: error.why, next: error.next };
}

/** The document of a command that has done nothing. */
export function documentProblem(host: Host, problem: Problem): void {
  printJson(host, { applied: false, problem });
}
