import { until } from "../../../core/until.ts";
import { BROKEN_STATUS } from "../../parts.ts";
import { expect, expectInTime, type Step } from "../../step.ts";
import { paneOf, proveDone } from "../../steps/support.ts";
import { type Half, runScript } from "../half.ts";
import { startAgent } from "../support.ts";

const LIMIT_MS = 8_000;

export const agentEnd: Step<Half> = {
  id: "agent-end",
  title: "an agent that ends leaves its exit status, and its next start is in the same session",
  limitMs: 30_000,
  requires: ["agent"],
  async run(half) {
    const { ending } = half.agents;
    const started = await runScript(half, ["start-agent-session.sh", ending.name], ending);
    proveDone(started, "an agent that ends at once was not started");
    const dead = await until(half.host, LIMIT_MS, async () => {
      const pane = await paneOf(half, ending);
      return pane?.dead ? pane : undefined;
    });
    expectInTime(dead !== undefined, `the session of an agent that ended was not kept with it, or it had not ended`, {
      "waited for ms": LIMIT_MS,
    });
    const told = await runScript(half, ["stop-agent-session.sh", ending.name], ending);
    const wanted = `exited with status ${BROKEN_STATUS}`;
    expect(told.stderr.includes(wanted), "the script that tells how an agent ended did not tell its exit status", {
      wanted,
      said: told.stderr.trim().split("\n"),
    });
    const again = await startAgent(half, {
      ...ending,
      settings: { ...ending.settings, MOSAIC_AGENT_COMMAND: "sleep infinity" },
    });
    expect(again.sessionId === dead.sessionId && again.pid !== dead.pid, "it was not started anew in its own session", {
      before: `session ${dead.sessionId}, process ${dead.pid}`,
      after: `session ${again.sessionId}, process ${again.pid}`,
    });
    return { said: wanted, session: again.sessionId };
  },
};
