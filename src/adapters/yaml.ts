import { describeError } from "../core/errors.ts";
import { strangeKey, type YamlKeys, type YamlProblem, yamlKeys } from "../core/yaml-keys.ts";

/** A YAML document and its keys, or what is wrong with it. */
export type YamlDocument =
  | { readonly value: unknown; readonly keys: YamlKeys }
  | { readonly problems: readonly YamlProblem[] };

/** Reads one document with Bun's own YAML; a key that is there twice, and a second document, are problems here. */
export function readYaml(text: string): YamlDocument {
  const parsed = parse(text);
  if ("message" in parsed) return { problems: [{ line: lineOfError(text), message: parsed.message }] };
  const keys = yamlKeys(text);
  if (keys.problems.length > 0) return { problems: keys.problems };
  const strange = strangeKey(parsed.value, keys);
  if (strange === undefined) return { value: parsed.value, keys };
  const name = JSON.stringify(strange.at(-1));
  const line = keys.keys.find(({ path }) => path.join("\0") === strange.join("\0"))?.line ?? 1;
  return { problems: [{ line, message: `${name} may mean two things: a key that is no plain word needs quotes` }] };
}

function parse(text: string): { value: unknown } | { message: string } {
  try {
    return { value: Bun.YAML.parse(text) };
  } catch (error) {
    return { message: describeError(error).replace(/^YAML Parse error: /, "is no YAML: ") };
  }
}

/** Bun does not tell it. A longer text is no roster that a person has written. */
const MOST_LINES = 5_000;

/** The line that no reading gets over: what is before it can be read. */
function lineOfError(text: string): number {
  const lines = text.split("\n");
  for (let count = Math.min(lines.length, MOST_LINES) - 1; count > 0; count--)
    if ("value" in parse(lines.slice(0, count).join("\n"))) return count + 1;
  return 1;
}
