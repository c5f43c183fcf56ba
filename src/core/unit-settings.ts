import { stopSecondsOf } from "./agent-keys.ts";
import { agentOfUnit, HOLDER_UNIT } from "./names.ts";
import { AGENT, HOLDER } from "./promised-settings.ts";
import { commandsOf } from "./unit-commands.ts";
import { linesOf } from "./unit-lines.ts";

/** A setting that breaks a promise, as it is and as it should be. */
export interface BrokenSetting {
  readonly directive: string;
  readonly value: string;
  readonly wanted: string;
  readonly otherwise: string;
  readonly minor: boolean;
}

interface JudgedUnit {
  readonly id: string;
  readonly extra: Readonly<Record<string, string>>;
}

/** The properties to ask the manager for, to judge a unit. */
export const JUDGED_PROPERTIES: readonly string[] = [
  ...new Set([...HOLDER, ...AGENT].map(({ directive, property }) => property ?? directive)),
];

const JUDGED_LINE = new RegExp(
  `^(${AGENT.map(({ directive }) => directive).join("|")}|(?:Condition|Assert)\\w+)[ \\t]*=`,
);

/** Whether a drop-in of an agent's says anything that is judged. */
export function saysAnythingJudged(text: string): boolean {
  return linesOf(text).some(({ said }) => JUDGED_LINE.test(said));
}

/** Effective settings (drop-ins merged) that break a promise. `stopSeconds`: MOSAIC_AGENT_STOP_SECONDS, as the scripts take it. */
export function judgeSettings(unit: JudgedUnit, stopSeconds = stopSecondsOf(undefined)): BrokenSetting[] {
  const name = agentOfUnit(unit.id) ?? "";
  return (unit.id === HOLDER_UNIT ? HOLDER : AGENT).flatMap((setting) => {
    const value = unit.extra[setting.property ?? setting.directive] ?? "";
    const wanted = setting.wanted(name, stopSeconds);
    if (setting.holds(value, wanted)) return [];
    const { directive, otherwise, minor = false } = setting;
    return [{ directive, value: shown(directive, value), wanted, otherwise, minor }];
  });
}

/** Those without which the fleet does not hold, one sentence each. */
export function brokenSettings(unit: JudgedUnit): string[] {
  return judgeSettings(unit).flatMap(({ directive, value, otherwise, minor }) =>
    minor ? [] : [`${directive}=${value}: ${otherwise}`],
  );
}

/** A value as a person reads it. */
function shown(directive: string, value: string): string {
  // Of each file D-Bus says, too, whether it may be missing.
  if (directive === "EnvironmentFile")
    return value.replace(/ (yes|no)(?= \/|$)/g, "").replace(/ \(ignore_errors=(yes|no)\)/g, "");
  // In microseconds on D-Bus.
  if (directive.endsWith("Sec") && /^\d+$/.test(value)) return `${Number(value) / 1_000_000}s`;
  if (!directive.startsWith("Exec")) return value;
  return commandsOf(value)
    .map(({ argv, ignored }) => `${ignored ? "-" : ""}${argv}`)
    .join(" ; ");
}
