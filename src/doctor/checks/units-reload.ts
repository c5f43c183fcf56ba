import type { Check } from "../check.ts";

export const unitsReload: Check = {
  id: "units.reload",
  title: "the manager has read the units as they are on disk",
  requires: ["layout.files"],
  async run(tools) {
    const units = [await tools.holder(), await tools.template()];
    const fix = { commands: ["systemctl --user daemon-reload"] };
    const off = units.filter((unit) => unit.load !== "loaded");
    if (off.length > 0)
      return {
        status: "fail",
        message: off.map((unit) => `${unit.id} is ${unit.load}`).join(", "),
        fix: {
          commands: [
            ...fix.commands,
            ...off.map((unit) => `systemctl --user ${unit.load === "masked" ? "unmask" : "status"} ${unit.id}`),
          ],
        },
      };
    const stale = units.filter((unit) => unit.needsReload);
    if (stale.length === 0) return { status: "pass" };
    return {
      status: "fail",
      message: `${stale.map((unit) => unit.id).join(" and ")} changed on disk since the manager read it`,
      fix,
    };
  },
};
