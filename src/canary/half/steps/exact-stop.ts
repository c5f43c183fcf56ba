import { describeResult } from "../../../core/exec.ts";
import { until } from "../../../core/until.ts";
import { expect, expectInTime, type Step } from "../../step.ts";
import { paneOf, proveUntouched } from "../../steps/support.ts";
import { type Half, runScript } from "../half.ts";
import { proveServer, startAgent } from "../support.ts";

const LIMIT_MS = 5_000;

export const exactStop: Step<Half> = {
  id: "exact-stop",
  title: "a session that is closed takes its program with it, and leaves one with a longer name, and the server, alone",
  limitMs: 30_000,
  requires: ["agent"],
  async run(half) {
    const { first, second } = half.agents;
    const [closed, other] = [await startAgent(half, first), await startAgent(half, second)];
    const { pid } = await proveServer(half);
    // By the script that its unit stops it with: without a unit it finds the program outside, and closes the session.
    for (const when of [`after the session "${first.name}" was closed`, "after it was closed once more"]) {
      const result = await runScript(half, ["stop-agent-session.sh", first.name], first);
      if ((await paneOf(half, first)) !== undefined)
        expect(false, `the session "${first.name}" is still there`, { said: describeResult(result) });
      await proveUntouched(half, second, other, pid, when);
    }
    const gone = await until(half.host, LIMIT_MS, async () =>
      (await half.procfs.startTime(closed.pid)) === undefined ? true : undefined,
    );
    expectInTime(gone === true, `the program ${closed.pid} of a session that was closed still runs`);
    return { closed: first.name, "left alone": second.name };
  },
};
