import { join } from "node:path";
import { ToolError } from "../../adapters/tool-error.ts";
import { AGENT_TEMPLATE, HOLDER_UNIT } from "../../core/names.ts";
import { pathsOf } from "../../core/paths.ts";
import { brokenSettings, JUDGED_PROPERTIES } from "../../core/unit-settings.ts";
import { changes, conflicts, keeps } from "../../install/action.ts";
import { install, planReplaced } from "../../install/install.ts";
import { installRuns } from "../../install/lock.ts";
import { expect, type Step } from "../step.ts";

export const layout: Step = {
  id: "layout",
  title: "the layout is in place and the units load, merged, without a warning",
  limitMs: 30_000,
  requires: [],
  async run(fleet) {
    const { host, systemd } = fleet;
    if (fleet.sandboxed) await install(host, { version: fleet.version });
    // A layout that a rollback has put in the place of this version's is judged as it is.
    const plan =
      (await planReplaced(host, fleet.version)) ?? (await install(host, { dryRun: true, version: fleet.version })).plan;
    // What the user has edited is judged by what it does, further on; what is not there cannot do anything.
    const gone = keeps(plan).filter(({ kept }) => kept === "removed");
    const off = [...changes(plan), ...conflicts(plan), ...gone].flatMap(({ action }) =>
      "path" in action ? [action.path] : [],
    );
    if (off.length > 0 && (await installRuns(host)))
      throw new Error("an install, a rollback or an uninstall runs, and has not got to the end of the layout");
    expect(
      off.length === 0,
      "files of the layout are missing or not of this version: mosaic-fleet install (--restore for what was removed)",
      {
        files: off,
      },
    );

    const paths = pathsOf(host);
    const verified = await systemd.verify([HOLDER_UNIT, AGENT_TEMPLATE].map((unit) => join(paths.units, unit)));
    if (verified.kind !== "exited") throw new ToolError(verified);
    const warnings = verified.stderr.split("\n").filter((line) => line.trim() !== "");
    expect(warnings.length === 0, "systemd warns about the units", { warnings });

    const units = await systemd.show([HOLDER_UNIT, fleet.first.unit], JUDGED_PROPERTIES);
    for (const unit of units) {
      expect(unit.load === "loaded", `${unit.id} is ${unit.load}, not loaded`);
      expect(!unit.needsReload, `${unit.id} changed on disk: systemctl --user daemon-reload`);
      const broken = brokenSettings(unit);
      expect(broken.length === 0, `${unit.id} has settings that break what the fleet promises`, {
        settings: broken,
        "drop-ins": unit.dropIns,
      });
    }
    return { units: units.map((unit) => unit.fragment), "drop-ins": units.flatMap((unit) => unit.dropIns) };
  },
};
