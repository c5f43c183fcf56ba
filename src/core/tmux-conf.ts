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
const SETS = /^(?:set|set-option|setw|set-window-option)((?:\s+-[a-zA-Z]+)*)\s+([\w-]+)\s+("[^"]*"|'[^']*'|\S+)/;
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
  const [, flags = "", name = "", value = ""] = SETS.exec(command) ?? [];
  if (/[tu]/.test(flags)) return undefined; // of one target, or set back
  const option = SERVER_OPTIONS.find((each) => each.name === name && each.set !== undefined);
  if (option === undefined || option.holds(value.replace(/^(["'])(.*)\1$/, "$2"))) return undefined;
  return { kind: "option", option };
}
