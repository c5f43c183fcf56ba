import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** What one entry of a folder is: kind, mode, and what is in it; nothing that changes when it is only looked at. */
function describe(path: string): string {
  const stat = lstatSync(path);
  const mode = (stat.mode & 0o7777).toString(8);
  if (stat.isDirectory()) return `folder ${mode}`;
  if (stat.isSymbolicLink()) return `link to ${readlinkSync(path)}`;
  if (!stat.isFile()) return `other ${mode}`;
  const hash = createHash("sha256").update(readFileSync(path)).digest("hex").slice(0, 16);
  return `file ${mode} ${hash} written ${stat.mtimeMs}`;
}

/** Every entry below a folder, as its path below it → what it is; to be compared before and after. */
export function treeOf(folder: string, skip: (path: string) => boolean = () => false): Record<string, string> {
  const found: Record<string, string> = {};
  const look = (below: string) => {
    for (const name of readdirSync(join(folder, below)).sort()) {
      const path = join(below, name);
      if (skip(path)) continue;
      found[path] = describe(join(folder, path));
      if (found[path].startsWith("folder")) look(path);
    }
  };
  look("");
  return found;
}
