import { agentOfUnit, HOLDER_UNIT } from "../../core/names.ts";
import type { Check, CheckResult } from "../check.ts";

/** What the manager is about, where that is bad; anything else is unheard of. */
const STATES: Readonly<Record<string, Extract<CheckResult, { status: "warn" | "fail" }>>> = {
  initializing: {
    status: "warn",
    message: "the user manager is still starting up: units that it has not come to yet do not run",
    fix: { commands: ["systemctl --user list-jobs   # what it waits for"] },
  },
  starting: {
    status: "warn",
    message: "the user manager is still starting: units that wait behind an unfinished job do not run",
    fix: { commands: ["systemctl --user list-jobs   # what it waits for"] },
  },
  stopping: {
    status: "fail",
    message: "the user manager is stopping, and takes every agent with it",
    fix: { actions: [{ kind: "linger" }], commands: ["systemctl --user list-jobs   # what it stops, or waits for"] },
  },
};

export const systemdState: Check = {
  id: "systemd.state",
  title: "the user manager is up, and none of the fleet's units has failed",
  pre: true,
  requires: ["systemd.user-manager"],
  explain: {
    checks:
      "The state that the user manager gives itself (SystemState), and, when it is degraded, which units have failed. Failed units that are not the fleet's are only counted.",
    why: "A manager that is stopping takes every agent with it, and one that still starts has agents waiting. A unit of the fleet that has failed stays down until somebody resets it.",
    mend: "`systemctl --user list-jobs` shows what a manager waits for. `systemctl --user status UNIT` says why a unit has failed and `systemctl --user reset-failed UNIT` clears the mark.",
  },
  async run(tools) {
    const { state } = await tools.managerState();
    if (state === "running") return { status: "pass" };
    const bad = STATES[state];
    if (bad !== undefined) return { ...bad, evidence: { state } };
    if (state !== "degraded") throw new Error(`the user manager calls its state ${state || "nothing"}`);
    const found = await tools.userManager();
    const failed = "manager" in found ? await found.manager.failed() : [];
    const ours = failed.filter((unit) => unit === HOLDER_UNIT || agentOfUnit(unit) !== undefined);
    if (ours.length === 0) return { status: "pass", detail: `${failed.length} failed of others` };
    return {
      status: "warn",
      message: `${ours.length} of the fleet's units ${ours.length === 1 ? "has" : "have"} failed and will not come back by ${ours.length === 1 ? "itself" : "themselves"}`,
      evidence: { failed: ours },
      fix: {
        actions: ours.map((unit) => ({ kind: "reset-failed", unit }) as const),
        commands: [`systemctl --user status ${ours.slice(0, 5).join(" ")}   # why`],
      },
    };
  },
};
