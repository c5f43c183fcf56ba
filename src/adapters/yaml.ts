import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments, visit } from "yaml";
import { describeError } from "../core/errors.ts";

/** What is wrong in a line, from 1. */
export interface YamlProblem {
  readonly line: number;
  readonly message: string;
}

/** A YAML document, or what is wrong with it. */
export type YamlDocument =
  | {
      readonly value: unknown;
      /** The line of the key at a path, from 1; where it is not there, of what it would be in. */
      lineOf(path: readonly string[]): number;
    }
  | { readonly problems: readonly YamlProblem[] };

/**
 * Reads one document by two readers: a package that knows where everything stands and takes no key twice, and Bun, which takes
 * that in silence. What they read differently may mean two things, and is a problem.
 */
export function readYaml(text: string): YamlDocument {
  const lines = new LineCounter();
  const end = text.trimEnd().length;
  const lineAt = (offset: number) => lines.linePos(Math.min(offset, end)).line || 1;
  // Its own check of unique keys compares each with each.
  const how = { lineCounter: lines, merge: true, prettyErrors: false, uniqueKeys: false };
  const documents = parseAllDocuments(text, how);
  if ("empty" in documents) return { value: null, lineOf: () => 1 };
  const [document, second] = documents;
  if (document === undefined || document.errors.length > 0)
    return { problems: (document?.errors ?? []).map(({ message, pos }) => noYaml(message, lineAt(pos[0]))) };
  if (second !== undefined)
    return {
      problems: [{ line: lineAt(second.range[0]), message: "a second document starts here: all is to be in one" }],
    };
  const problems: YamlProblem[] = [];
  visit(document, {
    Map(_, { items }) {
      const seen = new Map<string, number>();
      for (const { key } of items) {
        const line = lineAt((key as Node).range?.[0] ?? 0);
        const name = isScalar(key) && typeof key.value === "string" ? key.value : undefined;
        const before = seen.get(name ?? "");
        if (name === undefined) {
          const merges = isScalar(key) && key.source === "<<";
          if (!merges) problems.push({ line, message: "a key that is no plain word needs quotes" });
        } else if (before === undefined) seen.set(name, line);
        else problems.push({ line, message: `"${name}" is there already, in line ${before}` });
      }
    },
  });
  if (problems.length > 0) return { problems };
  try {
    const value = Bun.YAML.parse(text);
    if (Bun.deepEquals(value, document.toJS(), true))
      return { value, lineOf: (path) => lineAt(placeOf(document, path)) };
    return { problems: [{ line: 1, message: "two readers of YAML read it differently: put its texts in quotes" }] };
  } catch (error) {
    return { problems: [noYaml(describeError(error).replace(/^YAML Parse error: /, ""), 1)] };
  }
}

function noYaml(why: string, line: number): YamlProblem {
  return { line, message: `is no YAML: ${why}` };
}

/** The offset of the last part of a path that is there. */
function placeOf(document: Document.Parsed, path: readonly string[]): number {
  let node: unknown = document.contents;
  let place = 0;
  for (const part of path) {
    if (isAlias(node)) node = node.resolve(document);
    const pair = isMap(node) ? node.items.find(({ key }) => isScalar(key) && key.value === part) : undefined;
    const next = isSeq(node) ? node.items[Number(part)] : pair?.value;
    const found = (pair?.key ?? next) as Node | undefined;
    if (found?.range == null) break;
    place = found.range[0];
    node = next;
  }
  return place;
}
