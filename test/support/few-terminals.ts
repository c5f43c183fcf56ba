// Run by test/integration/doctor/limits.test.ts, in a mount namespace whose /dev/pts has few terminals: starts more agents
// than that, and prints how many are up, why the others are not, and what doctor says.
import { examine } from "./doctor.ts";
import { openFleet } from "./fleet.ts";

const fleet = await openFleet();
try {
  const names = Array.from({ length: Number(process.argv[2]) }, (_, index) => `pty-${index + 1}`);
  for (const name of names) await fleet.agent(name, { MOSAIC_AGENT_COMMAND: "sleep infinity" });
  await fleet.dropIn("mosaic-agent@.service", "[Service]\nRestart=no\n");
  await fleet.systemctl("start", ...names.map((name) => `mosaic-agent@${name}.service`));
  const up = (await fleet.systemd.list("mosaic-agent@*")).filter(({ active }) => active === "active").length;
  const refused = (await fleet.journal("mosaic-agent")).filter((line) => line.includes("not started"));
  console.log(JSON.stringify({ up, refused, report: await examine(fleet.host, "limits.pty") }));
} finally {
  await fleet.close();
}
