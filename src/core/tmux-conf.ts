import { SERVER_OPTIONS, type ServerOption } from "./server-options.ts";

/** A line of a tmux configuration that the fleet's server may not survive. */
export interface RiskyLine {
  /** Counted from 1. */
  readonly line: number;
  readonly text: string;
  /** ends: the server is gone as soon as it is founded. option: it sets one on which the fleet rests. waits: until a program ends. */
  readonly risk:
    | { readonly kind: "ends" }
    | { readonly kind: "waits" }
    | { readonly kind: "option"; readonly option: ServerOption };
}

/** What is run later, or never by the server itself. */
const LATER = /^(bind|bind-key|unbind|unbind-key|set-hook)\b/;
const SETS =
  /^(?:set|set-option|setw|set-window-option)((?:\s+-[a-zA-Z]+)*)\s+([\w-]+)(?:\s+("[^"]*"|'[^']*'|[^\s#]\S*))?/;
const WAITS = /^(?:(?:run|run-shell)\b(?!.*\s-b)|(?:if|if-shell)\b(?!.*\s-[bF]))/;

/** Such lines, each by the first thing in it; by their words alone, in their order. */
export function riskyLines(text: string): RiskyLine[] {
  return text.split("\n").flatMap((written, index) => {
    const line = written.trim();
    if (line.startsWith("#") || LATER.test(line)) return [];
    const found = line.split(/\s*\\?;\s*|[{}]\s*/).flatMap((command) => riskOf(command.trim()) ?? []);
    return found.slice(0, 1).map((risk) => ({ line: index + 1, text: line, risk }));
  });
}

function riskOf(command: string): RiskyLine["risk"] | undefined {
  if (/^kill-server\b/.test(command)) return { kind: "ends" };
  if (WAITS.test(command)) return { kind: "waits" };
  const [, flags = "", name = "", value] = SETS.exec(command) ?? [];
  if (flags.includes("t")) return undefined; // of one target
  const option = SERVER_OPTIONS.find((each) => isCalled(each, name) && each.set !== undefined);
  if (option === undefined) return undefined;
  // Without a value it is turned over.
  const turned = option.wanted === "off" ? "on" : "off";
  const then = flags.includes("u") ? option.builtIn : (value ?? turned).replace(/^(["'])(.*)\1$/, "$2");
  return option.holds(then) ? undefined : { kind: "option", option };
}

/** tmux takes a name that is cut short, where no other begins so. */
function isCalled({ name }: ServerOption, written: string): boolean {
  return name === written || (written.length >= "exit-e".length && name.startsWith(written));
}
