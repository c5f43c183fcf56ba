import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The options of `bun build` out of scripts/build-options, for what else compiles: bench.ts, release.ts. */
export function buildOptions(): string[] {
  const file = join(import.meta.dir, "build-options");
  const words = /^build_options=\(([^)]*)\)/m.exec(readFileSync(file, "utf8"))?.[1]?.split(/\s+/).filter(Boolean);
  if (!words?.length) throw new Error(`${file} does not show its options any more`);
  return words;
}
