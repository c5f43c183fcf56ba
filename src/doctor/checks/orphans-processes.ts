import { cgroupPath } from "../../adapters/procfs.ts";
import { isAgentName } from "../../core/names.ts";
import { type Check, ofSubjects, type SubjectResult } from "../check.ts";
import { descendants, otherServers, sameWorld } from "../process-tree.ts";

const SHOWN = 5;
const IN_AN_AGENT = /\/mosaic-agent@[^/]*\.service(\/|$)/;

export const orphansProcesses: Check = {
  id: "orphans.processes",
  title: "every process of an agent is in its unit",
  requires: ["holder.server"],
  explain: {
    checks:
      "Every process of this user that has MOSAIC_AGENT_NAME in the environment it was started with: whether its cgroup is that agent's unit, or below it. An agent's pane itself is looked at by agents.state, and what runs on other tmux servers by tmux.other-servers.",
    why: "What is outside the unit has none of its limits, is not ended by a stop, and goes on when the agent comes back: two at work on one folder. It gets there where an agent starts a scope or a service of its own (`systemd-run --scope`; tmux 3.4 and later does so for its panes), or where a process was moved.",
    mend: "Look at the processes (`ps -f -p PID`), and end by pid those that nobody needs. An agent that starts a tmux of its own keeps its panes in its unit with DBUS_SESSION_BUS_ADDRESS=unix:path=/dev/null.",
  },
  async run(tools) {
    const { procfs } = tools;
    const [processes, others, agents, isOurs] = await Promise.all([
      tools.processes(),
      otherServers(tools),
      tools.agents(),
      sameWorld(tools),
    ]);
    const live = agents.flatMap(({ pane }) => (pane === undefined || pane.dead ? [] : [pane.pid]));
    const pids = [...new Set([...processes.map(({ pid }) => pid), ...live])];
    const texts = await procfs.groupTexts(pids);
    /** The cgroups of processes that are in this world and in no agent's unit. */
    const cgroups = new Map<number, string>();
    for (const [index, pid] of pids.entries()) {
      const cgroup = cgroupPath(texts[index] ?? "");
      if (cgroup !== undefined && isOurs(cgroup) && !IN_AN_AGENT.test(cgroup)) cgroups.set(pid, cgroup);
    }
    const outside = (
      await Promise.all(
        processes
          .filter(({ pid }) => cgroups.has(pid))
          .map(async (process) => {
            const agent = await procfs.variable(process.pid, "MOSAIC_AGENT_NAME");
            return agent === undefined || !isAgentName(agent)
              ? []
              : [{ ...process, agent, cgroup: cgroups.get(process.pid) ?? "" }];
          }),
      )
    ).flat();
    if (outside.length === 0) return { status: "pass" };
    // What is told elsewhere: below a pane that is itself outside, and on other servers.
    const panes = live.filter((pid) => cgroups.has(pid));
    const told = new Set(
      [...panes, ...others.map(({ pid }) => pid)].flatMap((pid) => [
        pid,
        ...descendants(processes, pid).map((each) => each.pid),
      ]),
    );
    const left = Map.groupBy(
      outside.filter(({ pid }) => !told.has(pid)),
      ({ agent }) => agent,
    );
    const subjects = [...left].map(([subject, found]): SubjectResult => {
      const pids = found.map(({ pid }) => pid).join(" ");
      const shown = found.slice(0, SHOWN).map(({ name, pid }) => `${name} (pid ${pid})`);
      const more = found.length > SHOWN ? ` and ${found.length - SHOWN} more` : "";
      return {
        subject,
        status: "warn",
        message: `${shown.join(", ")}${more} of this agent ${found.length === 1 ? "is" : "are"} outside its unit: no limit reaches there, and no stop`,
        evidence: { cgroups: [...new Set(found.map(({ cgroup }) => cgroup))] },
        fix: {
          commands: [`ps -f -p ${found.map(({ pid }) => pid).join(",")}`, `kill ${pids}   # if nobody needs them`],
        },
      };
    });
    if (subjects.length === 0) return { status: "pass" };
    return ofSubjects(subjects, { many: "agents", healthy: "", failing: "have processes outside their units" });
  },
};
