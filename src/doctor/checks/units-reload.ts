import type { Check } from "../check.ts";

export const unitsReload: Check = {
  id: "units.reload",
  title: "the manager has read the units as they are on disk",
  requires: ["layout.files"],
  async run(tools) {
    const units = [await tools.holder(), await tools.template()];
    const fix = { commands: ["systemctl --user daemon-reload"] };
    const masked = units.filter((unit) => unit.load !== "loaded");
    if (masked.length > 0)
      return { status: "fail", message: masked.map((unit) => `${unit.id} is ${unit.load}`).join(", "), fix };
    const stale = units.filter((unit) => unit.needsReload);
    if (stale.length === 0) return { status: "pass" };
    return {
      status: "fail",
      message: `${stale.map((unit) => unit.id).join(" and ")} changed on disk since the manager read it`,
      fix,
    };
  },
};
