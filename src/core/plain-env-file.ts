import { AGENT_KEYS, HOME_KEYS } from "./agent-keys.ts";
import type { Assignment } from "./env-file.ts";

const LINE = /^(?:[#;][^\\\r\0]*|([A-Z][A-Z0-9_]*)=((?:[\w@%+,./:-]+(?: [\w@%+,./:-]+)*)?))$/;
const HOME_VALUE = /^(?:~\/)?[\w@%+,./-]+(?::(?:~\/)?[\w@%+,./-]+)*$/;
const HOME_LINE = new RegExp(`^(${HOME_KEYS.join("|")})=(.*)$`);

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * The assignments of a file in which nothing is special: to systemd it says what it says to everybody, and nothing is
 * wrong with it. undefined where one has to look closer, with parseEnvFile() and envProblems(), which are slow.
 */
export function plainAssignments(bytes: Uint8Array): Assignment[] | undefined {
  const text = utf8.decode(bytes);
  const found = new Map<string, Assignment>();
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const home = HOME_LINE.exec(line);
    const [, key, value = ""] = home !== null && HOME_VALUE.test(home[2] ?? "") ? home : (LINE.exec(line) ?? []);
    if (key === undefined) {
      if (line.startsWith("#") || line.startsWith(";")) {
        if (LINE.test(line)) continue;
      }
      return undefined;
    }
    // A key of the fleet's, or one that cannot be meant for one.
    if (AGENT_KEYS[key] === undefined && nearPrefix(key)) return undefined;
    if (found.has(key)) return undefined;
    found.set(key, { key, value });
  }
  return [...found.values()];
}

/** Whether a key starts with something like MOSAIC. */
function nearPrefix(key: string): boolean {
  const [prefix = ""] = key.split("_");
  return key.startsWith("MOSAIC") || (prefix.length >= 5 && prefix.length <= 7 && /[MOSAIC]{3}/.test(prefix));
}
