import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { TEMPORARY } from "../../src/adapters/files.ts";
import { run } from "./build.ts";

/** Every plain file below a folder, but for what install keeps for itself: its content by its path there. */
export function contentsOf(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const all = paths.map((path) => [relative(folder, path), readFileSync(path, "latin1")] as const);
  return Object.fromEntries(
    all.filter(([path]) => !path.startsWith(".local/") && !TEMPORARY.test(basename(path))).sort(),
  );
}

/** What GNU patch makes of the files of this home by the diffs in a text: in a copy, `into`, which was not there. */
export function patchedBy(shown: string, home: string, into: string): Record<string, string> {
  cpSync(home, into, { recursive: true });
  writeFileSync(`${into}.patch`, shown);
  const depth = home.split("/").length;
  const patch = ["patch", "--batch", "--silent", `-p${depth}`, "-d", into, "-i", `${into}.patch`];
  const { code, stdout, stderr } = run(patch);
  if (code !== 0) throw new Error(`patch: ${code} ${stdout}${stderr}`);
  return contentsOf(into);
}
