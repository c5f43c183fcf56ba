import { describe, expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { bun, run, temporaryFolder, tree, writeFiles } from "../support/build.ts";

describe("imports", () => {
  function layers(files: Readonly<Record<string, string>>): { code: number | null; complaints: string[] } {
    using folder = temporaryFolder();
    writeFiles(folder.path, files);
    const { code, stderr } = run([bun, join(tree, "scripts/layers.ts"), folder.path], { cwd: folder.path });
    return { code, complaints: stderr.trim().split("\n") };
  }

  test("that point from main down to core pass", () => {
    expect(
      layers({
        "main.ts": 'import { a } from "./cli/root.ts";\nimport { b } from "node:fs";',
        "cli/report/human.ts":
          'import {\n  a,\n  type B,\n} from "../../doctor/run.ts";\nimport { c } from "../command.ts";',
        "doctor/checks/a.ts":
          'import type { A } from "../../fleet/agent.ts";\nimport { b } from "../../install/action.ts";\nimport { z } from "zod";',
        "install/assets.ts": 'import text from "../../assets/tmux.conf" with { type: "text" };',
        "canary/run.ts": 'import { a } from "../fleet/agent.ts";\nimport { b } from "../install/plan.ts";',
        "adapters/tmux.ts": 'import { a } from "../core/exec.ts";\nimport { b } from "node:net";',
        "core/paths.ts": 'import { join } from "node:path";',
      }),
    ).toEqual({ code: 0, complaints: [""] });
  });

  for (const [path, statement, complaint] of [
    ["core/a.ts", 'import { a } from "../adapters/tmux.ts";', "core may not import adapters"],
    ["core/a.ts", 'import type { A } from "../cli/command.ts";', "core may not import cli"],
    ["core/a.ts", 'export * from "../fleet/agent.ts";', "core may not import fleet"],
    ["core/a.ts", 'import { readFileSync } from "node:fs";', "core may not import node:fs"],
    ["core/a.ts", 'import "./../main.ts";', "core may not import main"],
    ["adapters/a.ts", 'const a = await import("../fleet/agent.ts");', "adapters may not import fleet"],
    ["fleet/a.ts", 'import {\n  a,\n} from "../canary/run.ts";', "fleet may import no more than types"],
    ["fleet/a.ts", 'import { type A } from "../canary/run.ts";', "fleet may import no more than types"],
    ["doctor/checks/a.ts", 'import { a } from "../../canary/run.ts";', "doctor may import no more than types"],
    ["install/a.ts", 'import { spawn } from "bun";', "install may not import bun"],
    ["canary/a.ts", 'import { defineCommand } from "citty";', "canary may not import citty"],
    ["cli/a.ts", 'import { a } from "../../test/support/b.ts";', "lies outside of src"],
    ["helpers/a.ts", 'import { a } from "../core/exec.ts";', "helpers is no layer"],
  ] as const) {
    test(`${path} must not say ${statement.replaceAll("\n", " ")}`, () => {
      const { code, complaints } = layers({ [path]: `// A line before it.\n${statement}\n` });
      expect(code).toBe(1);
      expect(complaints).toHaveLength(1);
      expect(complaints[0]).toStartWith(`${path}:2: `);
      expect(complaints[0]).toContain(complaint);
    });
  }
});

describe("process, Bun and globalThis", () => {
  for (const [path, allowed] of [
    ["src/main.ts", true],
    ["src/adapters/a.ts", true],
    ["src/core/a.ts", false],
    ["src/doctor/checks/a.ts", false],
    ["src/cli/main.ts", false],
  ] as const) {
    for (const expression of ["process.env", "Bun.version", "globalThis.process"]) {
      test(`${expression} is ${allowed ? "free for" : "kept from"} ${path}`, () => {
        using folder = temporaryFolder();
        for (const file of ["biome.json", ".gitignore"]) copyFileSync(join(tree, file), join(folder.path, file));
        writeFiles(folder.path, { [path]: `export const a = ${expression};\n` });
        const lint = [bun, "--bun", join(tree, "node_modules/.bin/biome"), "lint", path];
        const { code, stderr } = run(lint, { cwd: folder.path });
        expect(stderr.includes("noRestrictedGlobals")).toBe(!allowed);
        expect(code).toBe(allowed ? 0 : 1);
      });
    }
  }
});
