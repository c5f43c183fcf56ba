import { expandHome } from "./agent-program.ts";

/** A file that a shell reads when it starts, and when: read here as text, never run. */
export interface StartFile {
  /** Absolute, or ~/… */
  readonly path: string;
  readonly shell: "login shell" | "interactive shell" | "every shell" | "login";
}

/** In the order in which they are worth a look. */
export const START_FILES: readonly StartFile[] = [
  { path: "~/.profile", shell: "login shell" },
  { path: "~/.bash_profile", shell: "login shell" },
  { path: "~/.bash_login", shell: "login shell" },
  { path: "~/.bashrc", shell: "interactive shell" },
  { path: "~/.zshenv", shell: "every shell" },
  { path: "~/.zprofile", shell: "login shell" },
  { path: "~/.zlogin", shell: "login shell" },
  { path: "~/.zshrc", shell: "interactive shell" },
  { path: "~/.config/fish/config.fish", shell: "every shell" },
  { path: "/etc/environment", shell: "login" },
  { path: "/etc/profile", shell: "login shell" },
];

const NAME = "[A-Za-z_][A-Za-z0-9_]*";
/** A word with its quotes: what a shell would take as one. */
const WORD = `(?:"[^"]*"|'[^']*'|[^\\s;&|()"'])+`;
/** NAME=value, wherever it stands in a line: after export, then, *) … */
const ASSIGNMENT = new RegExp(`(?:^|[\\s;&|)])(${NAME})\\+?=(${WORD})`, "g");
/** zsh: path=(~/bin $path), path+=(~/bin). */
const ZSH_PATH = /(?:^|[\s;&|])(?:path|fish_user_paths)\+?=\(([^)]*)\)/g;
/** fish: set -gx PATH ~/bin $PATH; set -U fish_user_paths ~/bin; set -gx NAME value. */
const FISH_SET = new RegExp(`(?:^|[\\s;])set\\s+(?:-\\S+\\s+)*(${NAME})\\s+([^;#]+)`, "g");
/** fish_add_path ~/bin; pathmunge /x and its like. */
const ADDING = /(?:^|[\s;&|])(?:fish_add_path|pathmunge|path_?(?:add|prepend|append))\s+([^;#&|]+)/g;

/**
 * The folders that a shell's start file adds to PATH, as far as that can be read without running it: in order, absolute,
 * each once. What hangs on a variable that is neither HOME nor set above in plain words is left out.
 */
export function pathAdditions(text: string, home: string): string[] {
  const variables = new Map<string, string>([["HOME", home]]);
  const found = new Set<string>();
  const add = (folders: readonly string[]) => {
    for (const folder of folders) {
      const expanded = expand(folder, variables, home);
      if (expanded?.startsWith("/")) found.add(expanded.length > 1 ? expanded.replace(/\/+$/, "") : expanded);
    }
  };
  const set = (name: string, value: string) => {
    const expanded = expand(value, variables, home);
    if (expanded === undefined) variables.delete(name);
    else if (name !== "HOME") variables.set(name, expanded);
  };
  for (const raw of text.replaceAll("\\\n", "").split("\n")) {
    const line = raw.replace(/(^|\s)#.*$/, "").trim();
    for (const [, name = "", value = ""] of line.matchAll(ASSIGNMENT)) {
      if (name === "PATH") add(splitPath(value));
      else set(name, value);
    }
    for (const [, list = ""] of line.matchAll(ZSH_PATH)) add(words(list));
    for (const [, name = "", list = ""] of line.matchAll(FISH_SET)) {
      if (name === "PATH" || name === "fish_user_paths") add(words(list).flatMap(splitPath));
      else set(name, words(list)[0] ?? "");
    }
    for (const [, list = ""] of line.matchAll(ADDING)) add(words(list).filter((word) => !/^(-|after$)/.test(word)));
  }
  return [...found];
}

function words(list: string): string[] {
  return list.match(new RegExp(WORD, "g")) ?? [];
}

/** Cut at the colons, but not those of ${NAME:+…}. */
function splitPath(value: string): string[] {
  return value.replace(/\$\{\w+[:+%#-](?:[^{}]|\$\{[^{}]*\})*\}/g, "").split(":");
}

/** Without quotes, with HOME, ~ and known variables put in; undefined where something else would have to be. */
function expand(word: string, variables: ReadonlyMap<string, string>, home: string): string | undefined {
  let unknown = word.includes("`") || word.includes("$(");
  const plain = word.replace(/["']/g, "");
  const expanded = plain.replace(
    new RegExp(`\\$(?:\\{(${NAME})\\}|(${NAME}))`, "g"),
    (_, braced?: string, bare?: string) => {
      const value = variables.get(braced ?? bare ?? "");
      unknown ||= value === undefined;
      return value ?? "";
    },
  );
  if (unknown || expanded.includes("$")) return undefined;
  return expandHome(expanded, home);
}
