import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { canaryReportSchema } from "../../src/canary/schema.ts";
import { binary, type Run, run, tree } from "../support/build.ts";

/** Runs a script as an ordinary user with a user manager; what of a sandbox is left afterwards is on stderr. */
function asOrdinaryUser(script: string): Run {
  const folder = mkdtempSync("/dev/shm/mosaic-user-");
  try {
    return run([join(tree, "test/support/ordinary-user.sh"), folder, binary, script], { timeoutMs: 90_000 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("an ordinary user with a user manager gets a sandbox in a scope of it, the canary holds there, and nothing is left", () => {
  const { code, stdout, stderr } = asOrdinaryUser('"$binary" canary --sandbox -o json');
  expect(stderr).toBe("");
  const report = canaryReportSchema.parse(JSON.parse(stdout));
  // On this machine no memory controller need reach an ordinary user.
  const tried = report.steps.filter(({ id, status }) => id !== "memory" || status !== "skip");
  expect(tried.map(({ id, status }) => `${id} ${status}`)).toEqual(tried.map(({ id }) => `${id} pass`));
  expect(report.verdict).toBe("pass");
  expect(code).toBe(0);
});

test("what a run leaves that is killed while its sandbox boots is cleared by the next one", () => {
  const { code, stdout, stderr } = asOrdinaryUser(`
    "$binary" canary --sandbox >/dev/null 2>&1 & killed=$!
    until [ -d "$XDG_RUNTIME_DIR"/mosaic-sandbox-*/home ]; do :; done
    kill -9 $killed
    ls -d "$XDG_RUNTIME_DIR"/mosaic-sandbox-* | wc -l
    exec "$binary" canary --sandbox -o json`);
  expect(stderr).toBe("");
  expect(stdout).toStartWith("1\n");
  expect(JSON.parse(stdout.slice(stdout.indexOf("{"))).verdict).toBe("pass");
  expect(code).toBe(0);
});

test("one who may have too few processes is told so, and no promise looks broken", () => {
  const { code, stdout } = asOrdinaryUser('exec prlimit --nproc=60 "$binary" canary --sandbox -o json');
  const { verdict, problem, steps } = canaryReportSchema.parse(JSON.parse(stdout));
  expect({ code, verdict, steps }).toEqual({ code: 69, verdict: "unavailable", steps: [] });
  expect(problem?.why).toMatch(
    /^user nobody may have 60 processes and threads \(ulimit -u\), of which \d+ are left: it takes 100$/,
  );
  expect(problem?.next[0]).toMatch(/^ulimit -u \d+ {3}#/);
});
