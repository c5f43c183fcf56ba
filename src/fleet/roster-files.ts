import { join } from "node:path";
import { expandHome } from "../core/agent-program.ts";
import { describeError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import { valueProblem } from "./agent.ts";
import { fieldAt, type RosterProblem, type RosterText } from "./roster.ts";
import type { FileValues } from "./roster-plan.ts";

/** Reads what a roster has as {file: PATH}; a path that starts with neither / nor ~/ is one from `folder` on. */
export async function readValueFiles(
  host: Host,
  { roster, lineOf }: RosterText,
  folder: string,
): Promise<{ readonly values: FileValues; readonly problems: readonly RosterProblem[] }> {
  const values = new Map<string, Map<string, string>>();
  const problems: RosterProblem[] = [];
  for (const [name, { env }] of roster) {
    const own = new Map<string, string>();
    values.set(name, own);
    for (const [key, value] of Object.entries(env)) {
      if (typeof value === "string" || !("file" in value)) continue;
      const expanded = expandHome(value.file, host.user.home);
      const read = await textOf(host, expanded.startsWith("/") ? expanded : join(folder, expanded));
      const problem = "problem" in read ? read.problem : valueProblem(key, read.text);
      if ("text" in read) own.set(key, read.text);
      if (problem === undefined) continue;
      const path = ["agents", name, "env", key];
      problems.push({ line: lineOf(path), field: fieldAt(path), message: `${value.file}: ${problem}` });
    }
  }
  return { values, problems };
}

/** Without the line end at its end, which an editor puts there. */
async function textOf(host: Host, path: string): Promise<{ text: string } | { problem: string }> {
  try {
    const real = await host.files.realPath(path);
    const status = real === undefined ? undefined : await host.files.status(real);
    if (real === undefined || status === undefined) return { problem: "there is no such file" };
    if (status.kind !== "file") return { problem: "is no file" }; // a read of a pipe would wait for ever
    const bytes = await host.files.readBytes(real);
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes).replace(/\r?\n$/, "");
    return text === "" ? { problem: "is empty" } : { text };
  } catch (error) {
    return { problem: error instanceof TypeError ? "is no text in UTF-8" : describeError(error) };
  }
}
