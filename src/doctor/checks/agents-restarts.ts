import type { LoadedUnit } from "../../adapters/manager.ts";
import { ageText } from "../../core/age.ts";
import { lastEnd } from "../../fleet/ended.ts";
import { agesOf, counted, journalOf, type Look, ofAgents } from "../agent-subjects.ts";
import type { Agent } from "../agents.ts";
import type { Check } from "../check.ts";

/** One crash of the tmux server costs an agent up to two. */
const MANY = 5;
/** The interval of the start limit: who has lasted longer is well again. */
const RECENT_MS = 10 * 60_000;
/** Of so many it is asked why; a whole fleet that is down has one reason. */
const EXPLAINED = 20;

export const agentsRestarts: Check = {
  id: "agents.restarts",
  title: "agents run without being brought back again and again",
  requires: ["systemd.user-manager"],
  explain: {
    checks:
      "How often systemd has brought each agent back since it was started by hand or at boot, for how long its program has run since, and whether systemd has given up (the start limit: ten starts in ten minutes); and how it ended last, from the unit's result, its status text and the start script's exit code.",
    why: "An agent that ends as soon as it starts does no work, and after ten tries stays down until somebody resets it. Each restart also loses what it had in mind.",
    mend: "`mosaic-fleet agent logs NAME` says how each run ended. Mend that, then `systemctl --user reset-failed` and `start`.",
  },
  async run(tools) {
    const found = await tools.userManager();
    const manager = "manager" in found ? found.manager : undefined;
    const age = async (pid: number) => (await agesOf(tools, [pid]))[0];
    let explained = 0;
    const why = async (unit: LoadedUnit): Promise<string> =>
      manager === undefined || ++explained > EXPLAINED ? "" : (await lastEnd(manager, unit)).message;
    return ofAgents(
      tools,
      {
        healthy: (all) => {
          const back = all.filter(({ message }) => /^[1-9]/.test(message)).length;
          return back === 0 ? "no restarts" : `${counted(back, "agent")} brought back`;
        },
        failing: "they end as soon as they are started",
      },
      (agent) => look(agent, age, why),
    );
  },
};

function look(
  agent: Agent,
  age: (pid: number) => Promise<number | undefined>,
  why: (unit: LoadedUnit) => Promise<string>,
): Look | Promise<Look> {
  const { loaded } = agent;
  if (loaded === undefined || loaded.active === "inactive") return { status: "pass", message: "stopped" };
  if (loaded.active !== "failed" && loaded.restarts === 0) return { status: "pass", message: counted(0, "restart") };
  return lookCloser(agent, loaded, age, why);
}

async function lookCloser(
  { name, unit, pane }: Agent,
  loaded: LoadedUnit & { readonly restarts: number },
  age: (pid: number) => Promise<number | undefined>,
  why: (unit: LoadedUnit) => Promise<string>,
): Promise<Look> {
  const { restarts, active } = loaded;
  const times = counted(restarts, "restart");
  if (active === "failed") {
    const reason = await why(loaded);
    const given = restarts > 0 ? `systemd gave it up after ${times}` : "it failed and is not brought back";
    return {
      status: "fail",
      message: reason === "" ? given : `${given}: ${reason}`,
      evidence: { restarts },
      fix: {
        actions: [{ kind: "reset-failed", unit }],
        commands: [`${journalOf(name)}   # why; then:`, `systemctl --user start ${unit}`],
      },
    };
  }
  const up = pane === undefined || pane.dead || active !== "active" ? undefined : await age(pane.pid);
  if (restarts < MANY || (up !== undefined && up >= RECENT_MS))
    return { status: "pass", message: up === undefined ? times : `${times}, up for ${ageText(up)} since` };
  const reason = await why(loaded);
  return {
    status: "warn",
    message: `${times}, ${up === undefined ? "and down just now" : `the last ${ageText(up)} ago`}${reason === "" ? "" : `: ${reason}`}`,
    evidence: { restarts },
    fix: { commands: [journalOf(name)] },
  };
}
