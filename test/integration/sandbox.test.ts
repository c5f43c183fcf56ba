import { expect, test } from "bun:test";
import { existsSync, mkdirSync, rmdirSync } from "node:fs";
import { localHost } from "../../src/adapters/local-host.ts";
import { openSandbox } from "../../src/canary/sandbox.ts";
import type { Host } from "../../src/core/host.ts";

test("the empty folder of a run that was killed at once is cleared by the next; that of a run just begun is not", async () => {
  const ended = Bun.spawn(["true"]);
  await ended.exited;
  const killed = `/dev/shm/mosaic-sandbox-${ended.pid}-killed`;
  const begun = `/dev/shm/mosaic-sandbox-${process.pid}-begun`;
  for (const folder of [killed, begun]) mkdirSync(folder, { mode: 0o700 });
  try {
    const sandbox = await openSandbox(localHost());
    expect(await sandbox.close()).toEqual([]);
    expect([existsSync(killed), existsSync(begun)]).toEqual([false, true]);
  } finally {
    rmdirSync(begun);
  }
});

/** A host on which the sandbox's manager takes its time between making its socket and taking connections at it. */
function withSlowManager(host: Host): Host {
  const slow = ["strace", "-D", "-f", "-o", "/dev/null", "-e", "inject=listen:delay_enter=300ms:when=1"];
  // The script becomes what it is told is the manager, with "--user".
  const spawn: Host["spawn"] = (argv, options) =>
    host.spawn(
      argv.map((word) => word.replace('exec "$manager"', `exec ${slow.join(" ")} "$manager"`)),
      options,
    );
  return { ...host, spawn };
}

const canBeSlowed = process.getuid?.() === 0 && Bun.which("strace") !== null;
test.skipIf(!canBeSlowed)("a manager whose socket is there, and takes no connection yet, is waited for", async () => {
  const sandbox = await openSandbox(withSlowManager(localHost()));
  expect(await sandbox.close()).toEqual([]);
});
