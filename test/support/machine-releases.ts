import { cpSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run, tree } from "./build.ts";

/** The version of the stand-in for the release before this one. */
export const BEFORE = "0.0.9";

/**
 * Two releases for machines of this one's kind, in `current` and `before` of a folder: this tree's, and an earlier one, which
 * is this tree with another version and an older comment in the agents' unit.
 */
export function machineReleases(folder: string): void {
  const older = join(folder, "tree");
  mkdirSync(older, { recursive: true });
  for (const name of ["src", "assets", "scripts", "test", "package.json", "tsconfig.json", "bun.lock"])
    cpSync(join(tree, name), join(older, name), { recursive: true });
  symlinkSync(realpathSync(join(tree, "node_modules")), join(older, "node_modules"));
  change(join(older, "package.json"), /"version": "[^"]+"/, `"version": "${BEFORE}"`);
  change(join(older, "assets/mosaic-agent@.service"), /^# One agent:/, "# One agent, as it was:");
  for (const [root, out] of [
    [tree, "current"],
    [older, "before"],
  ] as const) {
    const argv = ["--xz", "0", "--out", join(folder, out), `linux-${process.arch}`];
    const made = run([join(root, "scripts/release"), ...argv], { cwd: "/" });
    if (made.code !== 0) throw new Error(`${made.stdout}${made.stderr}`);
  }
}

function change(file: string, from: RegExp, to: string): void {
  const text = readFileSync(file, "utf8");
  const changed = text.replace(from, to);
  if (changed === text) throw new Error(`${file} has no ${from}`);
  writeFileSync(file, changed);
}
