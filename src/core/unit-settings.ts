import { HOLDER_UNIT } from "./names.ts";

/** An effective setting without which a promise does not hold. */
interface Setting {
  readonly property: string;
  readonly holds: (value: string) => boolean;
  /** What happens otherwise. */
  readonly otherwise: string;
}

const words = (value: string) => value.split(" ");

const HOLDER: readonly Setting[] = [
  {
    property: "OOMPolicy",
    holds: (value) => value === "continue",
    otherwise: "one pane out of memory ends the whole fleet",
  },
  { property: "Restart", holds: (value) => value === "always", otherwise: "a tmux server that died stays dead" },
  { property: "KillMode", holds: (value) => value === "control-group", otherwise: "a stop leaves processes behind" },
];

// Restart= may be overridden: what systemd then brings back, it does truly. Only "no" breaks the promise.
const AGENT: readonly Setting[] = [
  {
    property: "Delegate",
    holds: (value) => value === "yes",
    otherwise: "the agent's processes may not be moved into its unit",
  },
  {
    property: "Restart",
    holds: (value) => value !== "no" && value !== "",
    otherwise: "an agent that ended stays down",
  },
  { property: "KillMode", holds: (value) => value === "control-group", otherwise: "a stop leaves processes behind" },
  {
    property: "OOMPolicy",
    holds: (value) => value === "continue",
    otherwise: "one child out of memory ends the agent",
  },
  {
    property: "Requires",
    holds: (value) => words(value).includes(HOLDER_UNIT),
    otherwise: "it starts without its tmux server",
  },
  {
    property: "After",
    holds: (value) => words(value).includes(HOLDER_UNIT),
    otherwise: "it starts before its tmux server",
  },
  {
    property: "BindsTo",
    holds: (value) => !words(value).includes(HOLDER_UNIT),
    otherwise: "a crash of the server stops it for good",
  },
];

/** The properties to ask the manager for, to judge a unit. */
export const JUDGED_PROPERTIES: readonly string[] = [
  ...new Set([...HOLDER, ...AGENT].map((setting) => setting.property)),
];

/** Effective settings (drop-ins merged) that break a promise, one sentence each. */
export function brokenSettings(unit: { id: string; extra: Readonly<Record<string, string>> }): string[] {
  return (unit.id === HOLDER_UNIT ? HOLDER : AGENT).flatMap(({ property, holds, otherwise }) => {
    const value = unit.extra[property] ?? "";
    return holds(value) ? [] : [`${property}=${value}: ${otherwise}`];
  });
}
