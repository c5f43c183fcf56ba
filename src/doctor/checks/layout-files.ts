import { tilde } from "../../core/paths.ts";
import { changes, conflicts } from "../../install/action.ts";
import type { Check } from "../check.ts";

export const layoutFiles: Check = {
  id: "layout.files",
  title: "every file of the layout is there and of this version",
  requires: ["systemd.user-manager"],
  async run(tools) {
    const plan = await tools.plan();
    const paths = (steps: ReturnType<typeof changes>) =>
      steps.flatMap(({ action }) => ("path" in action ? [tilde(action.path, tools.host.user.home)] : []));
    const off = changes(plan);
    const foreign = conflicts(plan);
    if (off.length === 0 && foreign.length === 0)
      return {
        status: "pass",
        detail: `${plan.steps.filter(({ action }) => action.kind === "write-file").length} files`,
      };
    return {
      status: "fail",
      message:
        foreign.length > 0
          ? "files that are not of this version are in the place of ours"
          : "files are missing or out of date",
      evidence: { "missing or out of date": paths(off), "not ours, or edited": paths(foreign) },
      fix: { commands: ["mosaic-fleet install"] },
    };
  },
};
