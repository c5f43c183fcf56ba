import { expect, test } from "bun:test";
import { localHost } from "../../../src/adapters/local-host.ts";
import { procfsOf } from "../../../src/adapters/procfs.ts";
import type { Pane } from "../../../src/adapters/tmux.ts";
import type { CanaryAgent, Fleet } from "../../../src/canary/step.ts";
import { proveDown } from "../../../src/canary/steps/support.ts";
import { until } from "../../../src/core/until.ts";

const host = localHost();
const procfs = procfsOf(host);
/** A fake: a manager and a server after a stop. */
const stopped = { procfs, systemd: { show: async () => [{ active: "inactive" }] }, tmux: { panes: async () => [] } };

/** What is seen of an agent with this process after a stop; its cgroup stands for the unit. */
async function seenOf(pid: number): Promise<string> {
  const unit = (await procfs.cgroup(pid)) ?? "no cgroup";
  const proof = proveDown(stopped as unknown as Fleet, { name: "a", unit } as CanaryAgent, { pid } as Pane);
  return proof.then(
    () => "down",
    ({ message }: Error) => message,
  );
}

test("a process that runs on after a stop is seen; one that has ended, and is not reaped yet, is down", async () => {
  const parent = Bun.spawn(["sh", "-c", "sleep 0.01 & echo $!; exec sleep 60"], { stdout: "pipe" });
  expect(await seenOf(parent.pid)).toStartWith(`after a stop process ${parent.pid} is still in `);
  const { value } = await parent.stdout.getReader().read();
  const child = Number(new TextDecoder().decode(value));
  const state = async () => /^State:\t(.)/m.exec((await host.files.read(`/proc/${child}/status`)) ?? "")?.[1];
  await until(host, 5_000, async () => (await state()) === "Z" || undefined);
  expect(await state()).toBe("Z");
  expect(await seenOf(child)).toBe("down");
  parent.kill();
});
