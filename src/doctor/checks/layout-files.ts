import { tilde } from "../../core/paths.ts";
import { changes, conflicts, keeps } from "../../install/action.ts";
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
    const kept = keeps(plan);
    const gone = kept.filter(({ kept }) => kept === "removed");
    if (off.length === 0 && foreign.length === 0 && kept.length > 0)
      return {
        status: gone.length > 0 ? "fail" : "warn",
        message: "files are not as this version has them, because you have changed or removed them",
        evidence: { changed: paths(kept.filter(({ kept }) => kept !== "removed")), removed: paths(gone) },
        fix: { commands: [...new Set(kept.map(({ next }) => next))] },
      };
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
      evidence: { "missing or out of date": paths(off), "not ours": paths(foreign) },
      fix: { commands: ["mosaic-fleet install"] },
    };
  },
};
