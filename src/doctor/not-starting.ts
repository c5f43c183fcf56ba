import { type PackageNames, reinstallLines } from "../adapters/packages.ts";
import { ToolError } from "../adapters/tool-error.ts";
import { moveAside, shellWord } from "../core/shell.ts";
import type { CheckResult } from "./check.ts";
import { onPath } from "./installed.ts";
import type { Tools } from "./tools.ts";

/** What was thrown, where it says that a program does not start at all; one that hangs may only be slow. Throws all else. */
export function notStarting(error: unknown): ToolError {
  const { kind = "timed-out" } = error instanceof ToolError ? error.result : {};
  if (error instanceof ToolError && kind !== "timed-out") return error;
  throw error;
}

/** What is to be said of it. `therefore`: what nobody can do without it. */
export async function doesNotStart(
  tools: Tools,
  { message, result }: ToolError,
  { names, therefore }: { readonly names: PackageNames; readonly therefore: string },
): Promise<CheckResult> {
  const [name = ""] = result.argv;
  const program = (await onPath(tools.host, name)) ?? name;
  const packaged = /^(\/usr)?\/s?bin\//.test(program);
  return {
    status: "fail",
    message: `${message}: ${therefore}`,
    evidence: { program },
    fix: packaged
      ? { commands: [`ldd ${program}   # what it misses`], root: await reinstallLines(tools.host, names, message) }
      : {
          commands: [
            `ldd ${shellWord(program)}   # what it misses`,
            `${moveAside(program, "off")}   # so that the next one on PATH is taken`,
          ],
        },
  };
}
