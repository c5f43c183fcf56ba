import type { Output } from "../../core/host.ts";
import type { Check } from "../../doctor/check.ts";
import type { CheckList } from "../../doctor/report.ts";
import { areaOf } from "../../doctor/select.ts";
import { paint } from "./paint.ts";
import { wrap } from "./text.ts";

/** The checks by area, each with what is so when it passes. */
export function renderList(output: Output, { checks }: CheckList): void {
  const { bold, dim } = paint(output);
  const width = Math.max(...checks.map(({ id }) => id.length)) + 4;
  let area = "";
  for (const check of checks) {
    if (check.area !== area) output.write(`${area === "" ? "" : "\n"}${bold(check.area)}\n`);
    area = check.area;
    wrap(check.title, output.columns - width).forEach((line, index) => {
      output.write(`${index === 0 ? `  ${check.id}`.padEnd(width) : " ".repeat(width)}${dim(line)}\n`);
    });
  }
}

/** What a check looks at, why, and how what it finds is mended. */
export function renderExplanation(output: Output, { id, title, explain, pre, requires = [] }: Check): void {
  const { bold, dim } = paint(output);
  const sections = [
    ["What is checked", explain.checks],
    ["Why it matters", explain.why],
    ["How to mend it", explain.mend],
  ] as const;
  output.write(`${bold(id)}\n${wrap(title, output.columns).join("\n")}\n`);
  for (const [name, text] of sections) {
    output.write(`\n${bold(name)}\n`);
    for (const line of text.split("\n").flatMap((each) => wrap(each, output.columns - 2))) output.write(`  ${line}\n`);
  }
  const notes = [
    ...(pre ? ["In the set of --pre: it says something before anything is installed."] : []),
    ...(requires.length > 0 ? [`Looked at when these have passed: ${requires.join(", ")}.`] : []),
  ];
  if (notes.length > 0) output.write("\n");
  for (const line of notes.flatMap((note) => wrap(note, output.columns))) output.write(`${dim(line)}\n`);
}

/** The document of `--list -o json`. */
export function listOfChecks(checks: readonly Check[]): CheckList {
  return {
    schemaVersion: 1,
    checks: checks.map((check) => ({
      id: check.id,
      area: areaOf(check),
      title: check.title,
      pre: check.pre ?? false,
      requires: [...(check.requires ?? [])],
    })),
  };
}
