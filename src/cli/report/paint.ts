import type { Output } from "../../core/host.ts";

type Paint = (text: string) => string;

/** Colours for an output; where it wants none, the text as it is. */
export function paint(output: Pick<Output, "color">): Record<"red" | "green" | "yellow" | "bold" | "dim", Paint> {
  const code = (on: number, off: number): Paint =>
    output.color ? (text) => `\x1b[${on}m${text}\x1b[${off}m` : (text) => text;
  return { red: code(31, 39), green: code(32, 39), yellow: code(33, 39), bold: code(1, 22), dim: code(2, 22) };
}
