import { agentOfUnit, agentUnit } from "../../core/names.ts";
import type { Check } from "../check.ts";

export const agentsState: Check = {
  id: "agents.state",
  title: "of every agent, unit, session and process agree",
  requires: ["holder.server"],
  async run(tools) {
    const [loaded, all] = await Promise.all([tools.agents(), tools.panes()]);
    const panes = all.filter((pane) => pane.agent);
    // systemd forgets a stopped unit; a session that outlived it shows that there was one.
    const sessions = new Set(panes.map((pane) => agentUnit(pane.session)));
    for (const { unit } of loaded) sessions.delete(unit);
    const units = [...loaded, ...[...sessions].map((unit) => ({ unit, active: "inactive", sub: "dead" }))];
    const disagreements: string[] = [];
    let up = 0;
    for (const { unit, active, sub } of units) {
      const name = agentOfUnit(unit);
      if (name === undefined) continue;
      const pane = panes.find((each) => each.session === name);
      if (active === "failed") disagreements.push(`${name}: its unit has failed`);
      if (active === "inactive" && pane !== undefined && !pane.dead)
        disagreements.push(`${name}: its unit is stopped, but its session runs a program`);
      if (active !== "active") continue;
      up++;
      if (pane === undefined) disagreements.push(`${name}: its unit is active (${sub}), but there is no session`);
      else if (pane.dead) disagreements.push(`${name}: its unit is active (${sub}), but its program has ended`);
      else if (!(await tools.procfs.cgroup(pane.pid))?.endsWith(`/${unit}`))
        disagreements.push(`${name}: its process ${pane.pid} is outside its unit`);
    }
    if (disagreements.length === 0) return { status: "pass", detail: `${up} up` };
    return {
      status: "fail",
      message:
        disagreements.length === 1 ? (disagreements[0] ?? "") : `${disagreements.length} agents are not what they say`,
      evidence: { agents: disagreements },
      fix: {
        commands: disagreements
          .slice(0, 5)
          .map((line) => `systemctl --user status mosaic-agent@${line.slice(0, line.indexOf(":"))}`),
      },
    };
  },
};
