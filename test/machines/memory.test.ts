import { beforeAll, expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { binary } from "../support/build.ts";
import { AS_USER, story } from "../support/machine-story.ts";

// Memory runs out for real: on a machine with a kernel of its own, where the memory controller reaches an ordinary user's
// manager. The tests of a suite are one story, in order.

const MIB = 2 ** 20;
/** Runs what it is told, on what has no end; with "exec" before it, becomes it. */
const HOG = "while read -r program; do $program /dev/zero; done";
/** Keeps 64 MiB. */
const HOLDING = "{ head -c 64M /dev/zero; sleep infinity; } | tail -c 64M";

interface Agent {
  readonly name: string;
  readonly pid: number;
  readonly startedAt: number;
  readonly restarts: number;
  readonly state: string;
  readonly uptimeSeconds: number;
  readonly drift: readonly unknown[];
  readonly memoryBytes: number;
  readonly memoryMaxBytes: number | "infinity";
}
const share = (folder: string) => copyFileSync(binary, join(folder, "mosaic-fleet"));

story("memory runs out on a machine with Debian %s", "kernel", { share }, ({ machine, fleet, look, check }) => {
  const agents = (): Record<string, Agent> => {
    const { agents } = JSON.parse(look("status -o json").stdout) as { agents: Agent[] };
    return Object.fromEntries(agents.map((agent) => [agent.name, agent]));
  };
  /** What must stay as it is: the server's process, and those of all agents but the hog. */
  const others = () => ({
    server: machine.asRoot("pgrep -u ada -x 'tmux: server'").stdout,
    agents: Object.values(agents())
      .filter(({ name }) => name !== "hog")
      .map(({ name, pid, startedAt, restarts, state }) => ({ name, pid, startedAt, restarts, state })),
  });
  const systemctl = `${AS_USER} systemctl --user`;
  /** By its tag: journald knows the unit of a line only as long as who said it lives, and this one ends with its line. */
  const journal = () => machine.login("journalctl -t mosaic-agent -o cat").stdout;

  beforeAll(() => {
    machine.asRoot("loginctl enable-linger ada");
    expect(machine.login("install -D -m 755 /release/mosaic-fleet .local/bin/mosaic-fleet").code).toBe(0);
  });

  test("the memory controller reaches the user manager, and doctor says so", () => {
    const { code, stderr } = fleet("install --enable --now");
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(check("systemd.controllers")).toMatchObject({ status: "pass", message: expect.stringContaining("memory") });
  });

  test("status has the memory of each agent, beside the limit that agent add has set", () => {
    for (const [name, command, limit] of [
      ["hog", HOG, "--memory-max 96M"],
      ["holding", HOLDING, "--memory-max 128M"],
      ["plain", "sleep infinity", ""],
    ])
      expect(fleet(`agent add ${name} --command '${command}' ${limit} --enable --start`)).toMatchObject({ code: 0 });
    machine.until(
      "64 MiB are held",
      "[ $(cat /sys/fs/cgroup/user.slice/*/*/*/*/mosaic-agent@holding.service/memory.current) -gt 67108864 ]",
    );
    const { hog, holding, plain } = agents();
    expect(holding?.memoryBytes).toBeGreaterThan(64 * MIB);
    expect(holding?.memoryBytes).toBeLessThan(128 * MIB);
    expect(plain?.memoryBytes).toBeLessThan(8 * MIB);
    expect([hog, holding, plain].map((agent) => agent?.memoryMaxBytes)).toEqual([96 * MIB, 128 * MIB, "infinity"]);
    expect(check("holder.oom").status).toBe("pass");
  });

  test("a program that an agent has started and that eats past the limit dies alone: the agent itself lives on", () => {
    const before = others();
    const { pid } = agents().hog as Agent;
    expect(fleet("agent send hog tail").code).toBe(0);
    machine.until("the kernel has killed it", "dmesg | grep -q 'oom-kill:.*mosaic-agent@hog.service,task=tail'");
    expect(agents().hog).toMatchObject({ pid, restarts: 0, state: "up" });
    expect(others()).toEqual(before);
    expect(check("holder.oom")).toMatchObject({ status: "warn", message: expect.stringContaining("hog") });
    expect(check("holder.oom").message).toContain("its limit is 96 MiB");
  });

  test("an agent that eats past its limit dies alone and is back: neighbours and holder are the same processes", () => {
    const before = others();
    const { pid } = agents().hog as Agent;
    expect(fleet("agent send hog 'exec tail'").code).toBe(0);
    machine.until("it is gone", `[ ! -e /proc/${pid} ]`);
    machine.until("systemd has brought it back", `[ $(${systemctl} show mosaic-agent@hog -P NRestarts) = 1 ]`);
    machine.until("it is up", `${systemctl} is-active mosaic-agent@hog`);
    const back = agents().hog as Agent;
    expect(back).toMatchObject({ restarts: 1, state: "up", memoryMaxBytes: 96 * MIB });
    expect(back.pid).not.toBe(pid);
    expect(others()).toEqual(before);
    expect(journal()).toContain(
      "hog: killed by signal 9 (the kernel has killed 2 of its processes for want of memory; limit: 96 MiB)",
    );
  });

  test("one that eats past its limit whenever it is started is given up, and doctor says why", () => {
    const before = others();
    const dropIn = ".config/systemd/user/mosaic-agent@eater.service.d";
    machine.login(
      `mkdir -p ${dropIn}; printf '[Unit]\\nStartLimitBurst=2\\n' >${dropIn}/soon.conf; systemctl --user daemon-reload`,
    );
    fleet("agent add eater --command 'exec tail /dev/zero' --memory-max 32M --start"); // well or not: it ends at once
    machine.until("systemd has given it up", `[ "$(${systemctl} is-failed mosaic-agent@eater)" = failed ]`);
    expect(check("agents.restarts")).toMatchObject({ status: "fail" });
    expect(check("agents.restarts").message).toMatch(
      /^eater: systemd gave it up after 2 restarts: its program killed by signal 9 \(the kernel has killed 1 of its processes for want of memory; limit: 32 MiB\)/,
    );
    expect(fleet("agent rm eater --yes").code).toBe(0);
    expect(others()).toEqual(before);
  });

  test("the canary tries its own promise of memory here, and it holds", () => {
    const before = others();
    const { code, stdout } = fleet("canary -o json --only memory");
    const { verdict, steps } = JSON.parse(stdout);
    expect({ code, verdict }).toEqual({ code: 0, verdict: "pass" });
    expect(steps.find(({ id }: { id: string }) => id === "memory")).toMatchObject({ status: "pass" });
    expect(others()).toEqual(before);
  });
  test("a clock that jumps ahead, as at a boot without one, and one that is set back, disturb no agent and invent no drift", () => {
    for (const [jump, clock] of [
      ["400 days", "pass"],
      ["-800 days", "fail"],
    ] as const) {
      const before = agents();
      machine.asRoot(`date --set '${jump}'`);
      const after = agents();
      for (const name of ["hog", "holding", "plain"])
        expect(after[name]).toMatchObject({ pid: before[name]?.pid, state: "up", drift: [] });
      expect(check("machine.clock").status).toBe(clock);
      machine.asRoot(`kill -9 ${before.hog?.pid}`);
      machine.until("it is gone", `[ ! -e /proc/${before.hog?.pid} ]`);
      machine.until("it is back", `${systemctl} is-active mosaic-agent@hog`);
      const { hog, holding, plain } = agents();
      expect([holding?.pid, plain?.pid]).toEqual([before.holding?.pid, before.plain?.pid]);
      expect(hog?.uptimeSeconds).toBeLessThan(60);
    }
  });
});
