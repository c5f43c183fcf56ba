import { createTwoFilesPatch, FILE_HEADERS_ONLY } from "diff";
import type { Output } from "../../core/host.ts";
import type { Step } from "../../install/action.ts";
import { paint } from "./paint.ts";

/** A unified diff between two texts of a file, either of which may not be there. */
export function unifiedDiff(path: string, was: string | undefined, becomes: string | undefined): string {
  const name = (text: string | undefined) => (text === undefined ? "/dev/null" : path);
  return createTwoFilesPatch(name(was), name(becomes), was ?? "", becomes ?? "", undefined, undefined, {
    headerOptions: FILE_HEADERS_ONLY,
  });
}

/**
 * What a step writes to a file, or leaves unwritten, as a unified diff; undefined for any other: of a file that goes its
 * name is enough.
 */
export function diffOf({ action, change, was, ...rest }: Step): string | undefined {
  if (action.kind !== "write-file" && action.kind !== "seed-file") return undefined;
  const shown = change === "create" || change === "update" || ("kept" in rest && rest.kept === "undecided");
  return shown && was !== action.text ? unifiedDiff(action.path, was, action.text) : undefined;
}

/** Writes a diff, coloured as is usual. */
export function writeDiff(output: Pick<Output, "write" | "color">, diff: string): void {
  const { red, green, dim, bold } = paint(output);
  const color = (line: string) => {
    if (/^(---|\+\+\+) /.test(line)) return bold(line);
    if (line.startsWith("+")) return green(line);
    if (line.startsWith("-")) return red(line);
    return line.startsWith("@@") ? dim(line) : line;
  };
  output.write(`${diff.trimEnd().split("\n").map(color).join("\n")}\n`);
}
