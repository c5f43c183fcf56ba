import { FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { until } from "../core/until.ts";
import { agentFile } from "../fleet/agent-config.ts";
import { selectFrom } from "../fleet/select.ts";

/** How long `agent rm` may take from the agent's end to its file's, in milliseconds: it has systemd disable the unit meanwhile. */
const REMOVED_MS = 1_000;

/** Says to who has looked on that an agent has ended for good, and what can be done. `how`: completes "coder …". */
export async function tellEnd(host: Host, name: string, how: string): Promise<void> {
  host.stderr.write(`${name} ${how}. `);
  const gone = async () => (await host.files.status(agentFile(host, name))) === undefined || undefined;
  await until(host, REMOVED_MS, gone);
  const removed = await selectFrom(host, { names: [name], all: false }).then(
    () => false,
    (error) => error instanceof FleetError && error.exit === EXIT.usage,
  );
  host.stderr.write(removed ? "It was removed.\n" : `To start it: mosaic-fleet agent start ${name}\n`);
}
