import { createTwoFilesPatch, FILE_HEADERS_ONLY } from "diff";
import type { Output } from "../../core/host.ts";
import { redactorFor } from "../../core/redact.ts";
import { visible } from "../../core/visible.ts";
import type { Step } from "../../install/action.ts";
import type { ShownFile } from "../../install/site.ts";
import { paint } from "./paint.ts";

/** What is not UTF-8 has been read as this; what has a NUL in it is no text either. */
const NO_TEXT = /[\0\uFFFD]/;

/** A unified diff between two texts of a file, either of which may not be there: what patch takes. Empty where they are alike. */
export function unifiedDiff(path: string, was: string | undefined, becomes: string | undefined): string {
  const name = (text: string | undefined) => (text === undefined ? "/dev/null" : path);
  const old = name(was);
  if ((was ?? "") === (becomes ?? "")) return "";
  const diff = createTwoFilesPatch(old, name(becomes), was ?? "", becomes ?? "", undefined, undefined, {
    headerOptions: FILE_HEADERS_ONLY,
  });
  // Without a tab patch takes a name to end at its first blank.
  return diff.replace(/^(?:---|\+\+\+) [^"\n]* [^"\n]*$/gm, (line, at) => (at <= old.length + 5 ? `${line}\t` : line));
}

/** The same as others may see it: keys are hidden, and of what is no text it says what diff says then. */
function shownDiff(path: string, was: string | undefined, becomes: string | undefined): string {
  const sides = [was, becomes].map((text) => (text === undefined ? "/dev/null" : path));
  if (NO_TEXT.test(`${was}${becomes}`)) return `Binary files ${sides.join(" and ")} differ\n`;
  const { redact } = redactorFor("");
  const shown = (text: string | undefined) => (text === undefined ? undefined : redact(text));
  return unifiedDiff(path, shown(was), shown(becomes));
}

/** What becomes of the file of a step, or would where it is undecided; empty where there is none, or nothing to be seen. */
export function diffOf(step: Step): string {
  const change = changeOf(step);
  return change === undefined ? "" : shownDiff(...change);
}

/** The file that a step makes, changes or removes, or leaves undecided; what it was and what it becomes. */
function changeOf(step: Step): [path: string, was: string | undefined, becomes: string | undefined] | undefined {
  const { action, change, was } = step;
  const undecided = change === "keep" && step.kept === "undecided";
  if (change !== "create" && change !== "update" && change !== "remove" && !undecided) return undefined;
  switch (action.kind) {
    case "write-file":
    case "seed-file":
      return [action.path, was, action.text];
    case "keep-copy":
      return [action.to, undefined, was];
    case "remove-file":
      return [action.path, was, undefined];
    default:
      return undefined;
  }
}

/** The same of the user's files that a purge takes. */
export function removalOf({ path, text }: ShownFile): string {
  return text === undefined ? "" : shownDiff(path, text, undefined);
}

/** "+3 -1": how many lines a diff adds and takes. */
export function statOf(diff: string): string {
  const lines = diff.split("\n").slice(2);
  const [added, taken] = ["+", "-"].map((sign) => lines.filter((line) => line.startsWith(sign)).length);
  return [...(added ? [`+${added}`] : []), ...(taken ? [`-${taken}`] : [])].join(" ");
}

/** Writes a diff, coloured as is usual. */
export function writeDiff(output: Pick<Output, "write" | "color">, diff: string): void {
  const { red, green, dim, bold } = paint(output);
  const color = (line: string, index: number) => {
    if (index < 2) return bold(line);
    if (line.startsWith("+")) return green(line);
    if (line.startsWith("-")) return red(line);
    return line.startsWith("@@") ? dim(line) : line;
  };
  const lines = visible(diff).replace(/\n$/, "").split("\n");
  output.write(`${lines.map(color).join("\n")}\n`);
}
