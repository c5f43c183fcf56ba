import { checks } from "../doctor/registry.ts";
import { areaOf } from "../doctor/select.ts";
import { commands } from "./commands.ts";
import { type CommandSpec, specOf } from "./spec.ts";

/** Everything that can be typed, and in a few words what it is. */
export interface Tree {
  readonly commands: readonly (CommandSpec & { readonly summary: string })[];
  /** Areas, then ids, each with what it is. */
  readonly checks: readonly (readonly [string, string])[];
}

/**
 * The tree of all commands. Imported as a macro: it runs when the program is compiled, which then holds no more than what
 * it returns. A shell asks at every Tab, and could not wait until every command and every check is loaded.
 */
export async function commandTree(): Promise<Tree> {
  const areas = [...new Set(checks.map(areaOf))].map((area) => [area, "every check of this area"] as const);
  return {
    checks: [...areas, ...checks.map(({ id, title }) => [id, title] as const)],
    commands: await Promise.all(
      Object.values(commands).map(async ({ summary, load }) => ({ summary, ...specOf((await load()).command) })),
    ),
  };
}
