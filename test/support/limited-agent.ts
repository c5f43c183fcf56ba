// A fleet with one agent that holds 20 MB under a limit of 64 and half a processor of twice the usual weight, and one without
// limits. Prints as JSON what status says of them, its table, and the memory of the first by the kernel's own file, null where no
// controller has its group. Run by test/e2e/status.test.ts, inside of cgroup-namespace.sh.
import { memoryLimitFile } from "../../src/adapters/cgroup.ts";
import { binary } from "./build.ts";
import { openFleet } from "./fleet.ts";

const fleet = await openFleet();
try {
  const hold = "(head -c 20000000 /dev/zero; sleep 1000) | tail -c 30000000";
  await fleet.dropIn("mosaic-agent@limited.service", "[Service]\nCPUQuota=50%\nCPUWeight=200\n");
  await fleet.host.exec([binary, "agent", "add", "limited", "--command", hold, "--memory-max", "64M", "--start"]);
  await fleet.host.exec([binary, "agent", "add", "free", "--command", "sleep 1000", "--start"]);
  for (const name of ["limited", "free"]) await fleet.up(name);
  const file = await memoryLimitFile(fleet.host, (await fleet.unit("limited")).controlGroup);
  const used = file?.replace(/limit_in_bytes$/, "usage_in_bytes").replace(/\.max$/, ".current");
  const memory = async () => (used === undefined ? null : Number(await fleet.host.files.read(used)));
  await fleet.wait("it holds its memory", async () => used === undefined || ((await memory()) ?? 0) > 20e6);
  const { stdout } = await fleet.host.exec([binary, "status", "-o", "json"]);
  const table = await fleet.host.exec([binary, "status"]);
  console.log(JSON.stringify({ ...JSON.parse(stdout), read: await memory(), table: table.stdout }));
} finally {
  await fleet.close();
}
