import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bun, run, tree } from "./build.ts";
import { copyOfTree } from "./release.ts";

/** The version of the stand-in for the release before this one. */
export const BEFORE = "0.0.9";

/**
 * Two releases for machines of this one's kind, in `current` and `before` of a folder: this tree's, and an earlier one, which
 * is this tree with another version and an older comment in the agents' unit.
 */
export function machineReleases(folder: string): void {
  const older = copyOfTree(join(folder, "tree"), {
    ...changed("package.json", /"version": "[^"]+"/, `"version": "${BEFORE}"`),
    ...changed("assets/mosaic-agent@.service", /^# One agent:/, "# One agent, as it was:"),
  });
  const env = { ...process.env, DEBFULLNAME: "Ada", DEBEMAIL: "ada@example.net", SOURCE_DATE_EPOCH: "1700000000" };
  for (const [root, out] of [
    [tree, "current"],
    [older, "before"],
  ] as const) {
    const argv = [bun, "scripts/release.ts", "--xz", "none", "--out", join(folder, out), `linux-${process.arch}`];
    const made = run(argv, { cwd: root, env });
    if (made.code !== 0) throw new Error(`${made.stdout}${made.stderr}`);
  }
}

function changed(file: string, from: RegExp, to: string): Readonly<Record<string, string>> {
  const text = readFileSync(join(tree, file), "utf8");
  const now = text.replace(from, to);
  if (now === text) throw new Error(`${file} has no ${from}`);
  return { [file]: now };
}
