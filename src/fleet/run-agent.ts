import { systemdOf } from "../adapters/systemd.ts";
import { FleetError } from "../core/errors.ts";
import { describeResult, succeeded } from "../core/exec.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { agentUnit } from "../core/names.ts";

/** Enables and starts an agent, and waits until it runs. Throws FleetError (71). */
export async function runAgent(
  host: Host,
  name: string,
  what: { readonly enable: boolean; readonly start: boolean },
): Promise<void> {
  const unit = agentUnit(name);
  for (const verb of ["enable", "start"] as const) {
    if (!what[verb]) continue;
    const result = await systemdOf(host).run(verb, [unit], 120_000);
    if (succeeded(result)) continue;
    throw new FleetError(
      EXIT.oserr,
      `Agent ${name} is not ${verb}${verb === "start" ? "ed" : "d"}`,
      describeResult(result),
      [`journalctl --user -u ${unit} -n 20`, "mosaic-fleet doctor --only agents"],
    );
  }
}
