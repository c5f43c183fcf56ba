import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { canaryReportSchema } from "../../src/canary/report.ts";
import { binary, run, tree } from "../support/build.ts";

test("an ordinary user with a user manager gets a sandbox in a scope of it, the canary holds there, and nothing is left", () => {
  const folder = mkdtempSync("/dev/shm/mosaic-user-");
  try {
    const script = join(tree, "test/support/ordinary-user.sh");
    const { code, stdout, stderr } = run([script, folder, binary, "canary", "--sandbox", "-o", "json"], {
      timeoutMs: 90_000,
    });
    expect(stderr).toBe("");
    const report = canaryReportSchema.parse(JSON.parse(stdout));
    expect(report.steps.map(({ id, status }) => `${id} ${status}`)).toEqual(report.steps.map(({ id }) => `${id} pass`));
    expect(report.verdict).toBe("pass");
    expect(code).toBe(0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
