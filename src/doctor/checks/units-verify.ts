import { join } from "node:path";
import { AGENT_TEMPLATE, HOLDER_UNIT } from "../../core/names.ts";
import { brokenSettings } from "../../core/unit-settings.ts";
import type { Check } from "../check.ts";

export const unitsVerify: Check = {
  id: "units.verify",
  title: "the units load without a warning, and no drop-in breaks what they promise",
  requires: ["layout.files"],
  async run(tools) {
    const [verified, holder, template] = await Promise.all([
      tools.systemd.verify([HOLDER_UNIT, AGENT_TEMPLATE].map((unit) => join(tools.paths.units, unit))),
      tools.holder(),
      tools.template(),
    ]);
    if (verified.kind !== "exited") throw new Error(`systemd-analyze verify: ${verified.kind}`);
    const warnings = verified.stderr.split("\n").filter((line) => line.trim() !== "");
    const broken = [holder, template].flatMap((unit) =>
      brokenSettings(unit).map((setting) => `${unit.id}: ${setting}`),
    );
    if (warnings.length === 0 && broken.length === 0) return { status: "pass" };
    return {
      status: "fail",
      message:
        broken.length > 0
          ? "the effective settings of the units break what the fleet promises"
          : "systemd warns about the units",
      evidence: { warnings, settings: broken, "drop-ins": [...holder.dropIns, ...template.dropIns] },
      fix: {
        commands: [`systemctl --user cat ${HOLDER_UNIT} ${AGENT_TEMPLATE}`, `systemctl --user edit ${AGENT_TEMPLATE}`],
      },
    };
  },
};
