import { describe, expect, test } from "bun:test";
import { canaryBehind, type Sabotage } from "../support/sabotage.ts";

// What could not be asked breaks no promise: the tools that the canary looks with are fakes here, each with one fault.

/** A step that waits for what does not come is given up soon. */
const SOON: Sabotage = ["src/canary/steps/agent.ts", "limitMs: 20_000", "limitMs: 1_500"];
const real = (name: string) => `exec /usr/bin/${name} "$@"`;
const on = (verb: string, script: string) => `case " $* " in *" ${verb} "*) ${script} ;; esac\n`;

describe.each<[what: string, fakes: Record<string, string>, sabotages: Sabotage[], untold: string, message: RegExp]>([
  [
    "a systemctl show that says half",
    {
      systemctl:
        on("show", 'case "$*" in *OOMPolicy*) /usr/bin/systemctl "$@" | head -n 3; exit ;; esac') + real("systemctl"),
    },
    [],
    "layout",
    /^could not tell: systemctl show has not said all that it was asked of mosaic-/,
  ],
  [
    "a systemd-analyze that is killed",
    { "systemd-analyze": on("verify", "kill -9 $$") + real("systemd-analyze") },
    [],
    "layout",
    /^could not tell: systemd-analyze .* SIGKILL/,
  ],
  [
    "a systemctl start that asks nothing of the manager, and never ends",
    { systemctl: on("start", 'case "$*" in *mosaic-canary*) exec sleep 60 ;; esac') + real("systemctl") },
    [SOON],
    "agent",
    /^could not tell: not done within 1\.5 s, for systemctl --user --no-pager start -- \S+ did not end$/,
  ],
  [
    "a tmux that fails when it is asked for its panes",
    { tmux: on("list-panes", "echo out of memory >&2; exit 1") + real("tmux") },
    [],
    "agent",
    /^could not tell: tmux .* exited with 1: out of memory$/,
  ],
])("%s", (_, fakes, sabotages, untold, message) => {
  test(`is no broken promise: step ${untold} is unknown, and so is the whole (2)`, async () => {
    const { code, report } = await canaryBehind(fakes, sabotages, "--sandbox", "--only", untold);
    const seen = report.steps.find(({ id }) => id === untold);
    expect(seen).toMatchObject({ status: "unknown", message: expect.stringMatching(message) });
    expect(report.steps.filter(({ status }) => status === "fail")).toEqual([]);
    expect({ code, verdict: report.verdict }).toEqual({ code: 2, verdict: "unknown" });
  });
});

test("a start that the manager is at for too long is a broken promise", async () => {
  const slow: Sabotage = ["start-agent-session.sh", "tries=0\n", "sleep 30\ntries=0\n"];
  const { code, report } = await canaryBehind({}, [SOON, slow], "--sandbox", "--only", "agent");
  const agent = report.steps.find(({ id }) => id === "agent");
  expect(agent).toMatchObject({ status: "fail", message: "not done within 1.5 s" });
  expect(code).toBe(1);
});

test("a delay that the user has set for restarts is waited for", async () => {
  const delay: Sabotage = ["mosaic-agent@.service", "RestartSec=500ms", "RestartSec=1500ms"];
  const soon: Sabotage = ["src/canary/steps/agent-death.ts", "LIMIT_MS = 10_000", "LIMIT_MS = 1_400"];
  const { code, report } = await canaryBehind({}, [delay, soon], "--sandbox", "--only", "agent-death");
  expect(report.steps.filter(({ status }) => status !== "pass")).toEqual([]);
  expect(code).toBe(0);
});
