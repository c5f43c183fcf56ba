// Holds the layers of src/ against its import statements: main → cli → doctor | install | canary | fleet | update → adapters
// → core, and what may come from outside. scripts/check calls it: `bun scripts/layers.ts [src folder]`; prints one
// line for each import that points the wrong way, and exits 1 if there is one.
import { dirname, join, relative, resolve } from "node:path";

/** What each layer may import: anything of `values`, only `import type` of `types`, packages and built-ins of `outside`. */
interface Rule {
  readonly values: readonly string[];
  readonly types?: readonly string[];
  readonly outside: readonly string[];
}

/** Built-ins that do no I/O: for everyone. */
const pure = ["node:path", "node:crypto"];

const features = ["doctor", "install", "canary", "fleet", "update"];

const rules: Readonly<Record<string, Rule>> = {
  main: { values: ["cli", ...features, "adapters", "core"], outside: ["node:*"] },
  cli: { values: [...features, "adapters", "core"], outside: ["citty", "consola", "diff", "zod"] },
  // A fix may be an action of the install; and doctor reads the fleet as everybody does.
  doctor: { values: ["install", "fleet", "adapters", "core"], types: features, outside: ["zod"] },
  install: { values: ["adapters", "core"], types: features, outside: ["zod"] },
  // The canary lays out and runs a fleet.
  canary: { values: ["install", "fleet", "adapters", "core"], types: features, outside: ["zod"] },
  fleet: { values: ["adapters", "core"], types: features, outside: ["zod"] },
  update: { values: ["adapters", "core"], types: features, outside: [] },
  adapters: { values: ["core"], outside: ["node:*", "bun", "bun:ffi", "yaml", "zod"] },
  core: { values: [], outside: ["zod"] },
};

/** `import … from "x"`, `export … from "x"`, `import "x"`, `import("x")`; the formatter sees to the rest of the shape. */
const statement = /^(?:import|export)\s+(?:(type)\s)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"|\bimport\(\s*"([^"]+)"/gm;

/** The layer of a file below the source folder: its folder's name, or its own without the extension. */
function layerOf(path: string): string {
  return path.split("/")[0]?.replace(/(\.d)?\.ts$/, "") ?? "";
}

/** What is wrong with an import, or undefined when nothing is. */
function complaint(from: string, specifier: string, typeOnly: boolean): string | undefined {
  const layer = layerOf(from);
  const rule = rules[layer];
  if (rule === undefined) return `${layer} is no layer: give it a place in scripts/layers.ts`;
  if (!specifier.startsWith(".")) {
    const allowed = [...pure, ...rule.outside];
    const family = specifier.replace(/^node:.*/, "node:*");
    return allowed.includes(specifier) || allowed.includes(family) ? undefined : `${layer} may not import ${specifier}`;
  }
  const path = join(dirname(from), specifier);
  if (path.startsWith("../")) {
    // Assets and package.json are embedded as data.
    return path.endsWith(".ts") ? `${path} lies outside of src` : undefined;
  }
  const target = layerOf(path);
  if (target === layer || rule.values.includes(target)) return undefined;
  if (!rule.types?.includes(target)) return `${layer} may not import ${target}`;
  return typeOnly ? undefined : `${layer} may import no more than types (import type) of ${target}`;
}

const source = resolve(process.argv[2] ?? join(import.meta.dir, "../src"));
const wrong: string[] = [];
let seen = 0;
for (const path of [...new Bun.Glob("**/*.ts").scanSync(source)].sort()) {
  const text = await Bun.file(join(source, path)).text();
  for (const match of text.matchAll(statement)) {
    seen += 1;
    const problem = complaint(path, match[2] ?? match[3] ?? "", match[1] === "type");
    const line = text.slice(0, match.index).split("\n").length;
    if (problem !== undefined) wrong.push(`${relative(process.cwd(), join(source, path))}:${line}: ${problem}`);
  }
}
if (seen === 0) wrong.push(`no import statement below ${source}: looking in the wrong place?`);
for (const line of wrong) console.error(line);
process.exitCode = wrong.length > 0 ? 1 : 0;
