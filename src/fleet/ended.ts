import type { LoadedUnit, Manager } from "../adapters/manager.ts";
import type { Pane, ProgramEnd } from "../adapters/tmux.ts";

/** What the start script means by its exit codes. */
const REFUSALS: Readonly<Record<string, string>> = {
  "64": "its name is not allowed",
  "66": "its working folder is missing",
  "69": "its program is missing",
  "71": "the system refused",
  "75": "holder or tmux were not ready",
  "78": "its settings disagree with the holder's",
};

/** Those that the next try will not mend. */
const FINAL: readonly string[] = ["64", "66", "69", "78"];

/** What systemd means by the result of a unit, where neither script nor program has said anything. */
const RESULTS: Readonly<Record<string, string>> = {
  "exit-code": "a command of its unit has failed",
  signal: "a command of its unit was killed",
  timeout: "a command of its unit took too long",
  "exec-condition": "an ExecCondition= of its unit has failed, and systemd has passed over it",
};

/** How an agent ended last. */
export interface LastEnd {
  /** In a few words; "" where nothing tells. */
  readonly message: string;
  /** It was not started, and will not be until somebody mends what is said. */
  readonly final: boolean;
}

/** From the unit's result, its status text and the start script's exit code. */
export async function lastEnd(manager: Manager, unit: LoadedUnit): Promise<LastEnd> {
  const [status, result, start] = await Promise.all(
    ["StatusText", "Result", "ExecStart"].map((name) => manager.serviceProperty(unit, name)),
  );
  const refused = / 1 (\d+)$/.exec(start ?? "")?.[1] ?? "0";
  if (refused !== "0")
    return {
      message: `not started, ${REFUSALS[refused] ?? "the start script failed"} (exit ${refused})`,
      final: FINAL.includes(refused),
    };
  if (status) return { message: `its program ${status.replace(/^its program /, "")}`, final: false };
  if (result === undefined || result === "success") return { message: "", final: false };
  return { message: RESULTS[result] === undefined ? result : `${RESULTS[result]} (${result})`, final: false };
}

/** How a program ended, out of the words of start-agent-session.sh and of agent-session-ended.sh. */
export function endIn(words: string): ProgramEnd | undefined {
  const [, how, number] = /(killed by signal|exited with status) (\d+)$/.exec(words) ?? [];
  if (number === undefined) return undefined;
  return how === "exited with status" ? { status: Number(number) } : { signal: Number(number) };
}

/** How the program that is dead in a pane ended, else the one before it; undefined where tmux does not know. */
export function endOf(pane: Pick<Pane, "dead" | "end" | "endedBefore">): ProgramEnd | undefined {
  return pane.dead ? pane.end : endIn(pane.endedBefore);
}
