/** An option of the fleet's tmux server that the fleet rests on. */
export interface ServerOption {
  readonly name: string;
  /** What tmux.conf has it be; shown so. */
  readonly wanted: string;
  /** What tmux has by itself. */
  readonly builtIn: string;
  readonly holds: (value: string) => boolean;
  /** What happens otherwise. */
  readonly otherwise: string;
  /** Whether a promise rests on it. */
  readonly promised: boolean;
  /** What sets it, after the name of the server; a hook is too long to be typed. */
  readonly set?: string;
}

const is = (wanted: string) => (value: string) => value === wanted;

/** Ours, and whatever else somebody has appended, as long as that ends nothing. */
const isHookOf = (script: string) => (value: string) => {
  const commands = value.split("; ");
  const others = commands.filter((command) => !command.includes(script));
  return others.length < commands.length && !others.some((command) => /\b(kill|respawn)-/.test(command));
};
const OUR_HOOK = "the hook of tmux.conf alone";
const PANE_CLOSED = {
  wanted: OUR_HOOK,
  builtIn: "",
  holds: isHookOf("agent-pane-closed.sh"),
  otherwise: "an agent whose session is closed by hand may run on without one, or more is ended than it",
  promised: true,
} as const;

/** All of them, as tmux.conf sets them. */
export const SERVER_OPTIONS: readonly ServerOption[] = [
  {
    name: "exit-empty",
    wanted: "off",
    builtIn: "on",
    holds: is("off"),
    otherwise: "the server ends with its last session",
    promised: true,
    set: "set -s exit-empty off",
  },
  {
    name: "exit-unattached",
    wanted: "off",
    builtIn: "off",
    holds: is("off"),
    otherwise: "the server ends, with every agent, when the last viewer leaves",
    promised: true,
    set: "set -s exit-unattached off",
  },
  {
    name: "destroy-unattached",
    wanted: "off",
    builtIn: "off",
    holds: is("off"),
    otherwise: "an agent ends when its last viewer leaves",
    promised: true,
    set: "set -g destroy-unattached off",
  },
  {
    name: "remain-on-exit",
    wanted: "on",
    builtIn: "off",
    holds: is("on"),
    otherwise: "the exit status of an agent is lost, and its session with it",
    promised: true,
    set: "set -gw remain-on-exit on",
  },
  {
    name: "pane-died",
    wanted: OUR_HOOK,
    builtIn: "",
    holds: isHookOf("agent-pane-died.sh"),
    otherwise: "what an agent leaves behind when it dies keeps its unit active, or more is ended than it",
    promised: true,
  },
  { name: "window-unlinked", ...PANE_CLOSED },
  { name: "after-kill-pane", ...PANE_CLOSED },
  {
    name: "update-environment",
    wanted: "empty",
    builtIn: "DISPLAY",
    holds: is(""),
    otherwise: "whoever attaches leaves variables of theirs in the session",
    promised: false,
    set: 'set -g update-environment ""',
  },
];

/** The value of one, out of what show-options prints; a list has an entry a line: name[0], name[1] … */
export function serverOption(options: Readonly<Record<string, string>>, name: string): string {
  return Object.entries(options)
    .filter(([key]) => key === name || key.startsWith(`${name}[`))
    .map(([, value]) => value)
    .join("; ")
    .replace(/^(""|'')$/, "");
}
