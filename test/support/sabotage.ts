import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CanaryReport, canaryReportSchema } from "../../src/canary/schema.ts";
import { bun, temporaryFolder, tree } from "./build.ts";

/** `file`: of the assets, or of the source when it starts with src/. */
export type Sabotage = readonly [file: string, from: string | RegExp, to: string];

/** A step, what breaks its promise, what the step then says, and how that is done. */
export type Red = readonly [step: string, what: string, message: RegExp, sabotages: readonly Sabotage[]];

export interface Outcome {
  readonly code: number;
  readonly report: CanaryReport;
  readonly stderr: string;
}

/** Runs the canary of a tree whose assets were changed; the user's default tmux server is looked for in a folder of its own. */
export function canaryOf(sabotages: readonly Sabotage[], ...words: string[]): Promise<Outcome> {
  return canaryBehind({}, sabotages, ...words);
}

/** The same, with fakes first in PATH: each a shell script, by its program's name. */
export async function canaryBehind(
  fakes: Readonly<Record<string, string>>,
  sabotages: readonly Sabotage[],
  ...words: string[]
): Promise<Outcome> {
  using folder = temporaryFolder();
  for (const part of ["src", "assets", "package.json"])
    cpSync(join(tree, part), join(folder.path, part), { recursive: true });
  symlinkSync(join(tree, "node_modules"), join(folder.path, "node_modules"));
  const outside = join(folder.path, "outside");
  mkdirSync(outside, { mode: 0o700 });
  for (const [asset, from, to] of sabotages) {
    const path = join(folder.path, asset.startsWith("src/") ? "" : "assets", asset);
    const text = readFileSync(path, "utf8");
    const broken = text.replace(from, () => to.replaceAll("OUTSIDE", outside));
    if (broken === text) throw new Error(`nothing in ${asset} matches ${from}`);
    writeFileSync(path, broken);
  }
  const programs = join(folder.path, "programs");
  mkdirSync(programs);
  for (const [name, script] of Object.entries(fakes))
    writeFileSync(join(programs, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  // Where its own cgroups are the roots: so a limit of memory can be tried on every machine.
  const inside = join(tree, "test/support/cgroup-namespace.sh");
  const argv = [inside, bun, join(folder.path, "src/main.ts"), "canary", ...words, "-o", "json"];
  const child = Bun.spawn(argv, {
    env: { ...process.env, TMUX_TMPDIR: outside, PATH: `${programs}:${process.env.PATH}` },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, report: canaryReportSchema.parse(JSON.parse(stdout)), stderr };
}
