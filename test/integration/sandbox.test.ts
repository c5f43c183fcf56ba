import { expect, test } from "bun:test";
import { existsSync, mkdirSync, rmdirSync } from "node:fs";
import { localHost } from "../../src/adapters/local-host.ts";
import { openSandbox } from "../../src/canary/sandbox.ts";

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
