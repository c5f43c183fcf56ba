import { CANARY_RUN } from "../../core/names.ts";
import { shellWord } from "../../core/shell.ts";
import { type Check, type CheckResult, ofSubjects, type SubjectResult } from "../check.ts";
import { fleetTmux } from "../fleet-tmux.ts";
import { settingAside } from "../session-by-hand.ts";

export const orphansSessions: Check = {
  id: "orphans.sessions",
  title: "no session on the fleet's server goes by an agent's name without being its own, or is left over",
  requires: ["holder.server"],
  explain: {
    checks:
      "Every session on the fleet's server in which no pane is marked as an agent's (the start script marks them): whether an agent of that name is configured. Sessions under other names are counted; they are yours, and harmless. And sessions that an agent has left, under a name that no agent has any more.",
    why: "A session that was opened by hand under an agent's name is in the way: the next start of the agent takes it over, program and all, as if it were the agent. Until then it looks like the agent in every list, but has not its unit's limits or environment, and nothing brings it back. What an agent has left, most often because its session was renamed while it ran, holds its last screen, and stays in every list of sessions.",
    mend: "Give the session another name (`tmux -L mosaic-factory rename-session`), or end it, then start the agent's unit. Look at what is left for the last time (`tmux -L mosaic-factory attach -r`), and end it.",
  },
  async run(tools): Promise<CheckResult> {
    const [server, agents] = await Promise.all([tools.server(), tools.agents()]);
    if (server === undefined) return { status: "skip", reason: "no tmux server of the fleet runs" };
    const bySession = Map.groupBy(server.panes, ({ session }) => session);
    const byHand = [...bySession].filter(([, panes]) => !panes.some(({ agent }) => agent)).map(([session]) => session);
    const known = new Set(agents.map(({ name }) => name));
    const subjects = await Promise.all(
      byHand
        .filter((session) => known.has(session))
        .map(async (session): Promise<SubjectResult> => {
          const aside = await settingAside(tools, session);
          return {
            subject: session,
            status: "warn",
            message:
              "a session of this name runs, but it is not the agent's own: the next start of the agent takes it over as it is",
            evidence: { pids: (bySession.get(session) ?? []).map(({ pid }) => String(pid)) },
            fix: { commands: aside === undefined ? [] : [aside] },
          };
        }),
    );
    for (const [session, panes] of bySession) {
      const [first] = panes;
      // Those of a canary are told by orphans.canary.
      if (known.has(session) || CANARY_RUN.test(session) || !panes.some(({ agent }) => agent)) continue;
      if (first === undefined || !panes.every(({ dead }) => dead)) continue;
      subjects.push({
        subject: session,
        status: "warn",
        message: "an agent has left this session, whose program has ended, and there is no agent of this name",
        fix: { commands: [`${await fleetTmux(tools)} kill-session -t ${shellWord(first.sessionId)}`] },
      });
    }
    if (subjects.length > 0)
      return ofSubjects(subjects, {
        many: "sessions",
        healthy: "",
        failing: "have agents' names and are not theirs, or are left over",
      });
    const count = byHand.length;
    if (count === 0) return { status: "pass" };
    return {
      status: "pass",
      detail: count === 1 ? "one session of your own" : `${count} sessions of your own`,
      evidence: { "of your own": byHand },
    };
  },
};
