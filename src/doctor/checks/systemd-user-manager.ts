import { managerProblem } from "../../adapters/systemd.ts";
import type { Check } from "../check.ts";

export const systemdUserManager: Check = {
  id: "systemd.user-manager",
  title: "the user manager answers",
  requires: ["systemd.version"],
  async run(tools) {
    const result = await tools.manager();
    const problem = await managerProblem(tools.host, result);
    if (problem === undefined) return { status: "pass", detail: result.stdout.trim() };
    return {
      status: "fail",
      message: problem.cause,
      evidence: { XDG_RUNTIME_DIR: tools.host.env.XDG_RUNTIME_DIR ?? "not set", said: result.stderr.trim() },
      fix: { commands: problem.remedy },
    };
  },
};
