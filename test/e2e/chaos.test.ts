import { afterAll, beforeAll, expect, test } from "bun:test";
import { agentUnit } from "../../src/core/names.ts";
import { binary } from "../support/build.ts";
import { chaosOf, ordersOf, type Wanted } from "../support/chaos-faults.ts";
import { type Reading, readQuiet, told, type Victim } from "../support/chaos-reading.ts";
import { HOLDER_UNIT, openFleet, type TestFleet } from "../support/fleet.ts";

// Faults at random. At every quiet point `status` has to say what is so, and every agent has to be up that was not stopped.
// CHAOS_SECONDS=300 node_modules/.bin/bun test ./test/e2e/chaos.test.ts goes on for longer; CHAOS_SEED=n makes the choices of another run again.

const seconds = Number(process.env.CHAOS_SECONDS ?? 25);
const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 1e6));
/** Until nothing moves any more, and until every agent is what it is to be, in milliseconds. */
const QUIET_LIMIT_MS = 60_000;
const UP_LIMIT_MS = 10_000;
/** More would only say the same. */
const ENOUGH = 10;

const victims: readonly Victim[] = Array.from({ length: 12 }, (_, index) => {
  const name = `chaos-${index + 1}`;
  return { name, unit: agentUnit(name), seconds: 770_001 + index };
});
/** Its program as the pane's own process; below a shell that waits for it; beside a child that has left the terminal. */
const commands = [
  (end: number) => `sleep ${end}`,
  (end: number) => `sh -c 'sleep ${end}; :'`,
  (end: number) => `sh -c 'setsid sleep 660000 & exec sleep ${end}'`,
];

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await openFleet();
  for (const [index, { name, seconds: end }] of victims.entries()) {
    const command = commands[index % commands.length]?.(end) ?? "";
    await fleet.agent(name, { MOSAIC_AGENT_COMMAND: command, MOSAIC_AGENT_STOP_SECONDS: "2" });
  }
  await fleet.systemctl("enable", ...victims.map(({ unit }) => unit));
  await fleet.dropIn("mosaic-agent@.service", "[Unit]\nStartLimitIntervalSec=0\n"); // that has tests of its own
  await fleet.systemctl("start", HOLDER_UNIT, ...victims.map(({ unit }) => unit));
});
afterAll(() => fleet.close());

test(
  `${seconds} seconds of faults (CHAOS_SEED=${seed})`,
  async () => {
    const choose = chaosOf(fleet, victims, seed);
    const wanted = new Map<string, Wanted>(victims.map(({ name }) => [name, "up"]));
    const lies: string[] = [];
    const wrong: string[] = [];
    let [rounds, faults, trials] = [0, 0, 0];
    const end = fleet.host.now() + seconds * 1000;
    while (fleet.host.now() < end && lies.length + wrong.length < ENOUGH) {
      const planned = choose();
      rounds += 1;
      faults += planned.length;
      const story = planned.map((each) => `${each.at} ms: ${each.fault.what} (${each.victim.name}, ${each.moment})`);
      await Promise.all(
        planned.map(async ({ at, moment, fault, victim }) => {
          await fleet.host.pause(at);
          await fault.run(victim, moment);
        }),
      );
      for (const [name, order] of ordersOf(planned, wanted)) wanted.set(name, order);
      const patience = fleet.host.now() + UP_LIMIT_MS;
      for (;;) {
        const { is, status } = await quietPoint(story.join("; "));
        trials += victims.length;
        for (const { name } of victims) {
          const says = status.get(name) ?? {};
          const { state, pid, restarts, enabled } = says;
          if (!Bun.deepEquals({ state, pid, restarts, enabled }, told(reading(is, name))))
            lies.push(
              `status says ${JSON.stringify(says)}, it is ${JSON.stringify(is.get(name))}; ${story.join("; ")}`,
            );
        }
        const off = victims.filter(({ name }) => !isAsWanted(reading(is, name), wanted.get(name)));
        if (off.length > 0 && fleet.host.now() < patience) continue;
        for (const { name } of off)
          wrong.push(
            `${name} is to be ${wanted.get(name)}, it is ${JSON.stringify(is.get(name))}; ${story.join("; ")}`,
          );
        for (const { name } of victims) {
          const { state } = told(reading(is, name));
          const open = wanted.get(name) === undefined || wanted.get(name) === "any";
          if (open && state !== "disagrees")
            wanted.set(name, state === "up" ? "up" : state === "failed" ? "down" : "stopped");
        }
        break;
      }
      // What was stopped by hand comes back by hand, now and then.
      if (rounds % 4 > 0) continue;
      await fleet.systemctl("start", ...victims.map(({ unit }) => unit));
      for (const { name } of victims) wanted.set(name, "up");
    }
    console.log(
      `chaos: CHAOS_SEED=${seed}, ${rounds} rounds, ${faults} faults, ${trials} trials, ${lies.length} lies, ${wrong.length} agents not as they should be`,
    );
    expect({ lies, wrong }).toEqual({ lies: [], wrong: [] });
  },
  (seconds + 120) * 1000,
);

function reading(readings: ReadonlyMap<string, Reading>, name: string): Reading {
  const found = readings.get(name);
  if (found === undefined) throw new Error(`${name} was not read`);
  return found;
}

/** One program and no more where it is up, none where it is stopped. */
function isAsWanted(is: Reading, wanted: Wanted): boolean {
  const up = told(is).state === "up" && is.programs.length === 1;
  const stopped = told(is).state === "stopped" && is.programs.length === 0;
  const failed = told(is).state === "failed" && is.programs.length === 0;
  // In a session that somebody has made, and that no unit has: told as such.
  const handmade = is.active !== "active" && is.pid !== null && is.programs.length === 1 && is.programs[0] === is.pid;
  if (wanted === undefined || wanted === "any") return up || stopped || handmade || (wanted === "any" && failed);
  if (wanted === "up") return up;
  return stopped || (wanted === "down" && failed);
}

type Status = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

/** Waits until nothing moves: what is so, and what `status` says of it in the meantime. */
async function quietPoint(story: string): Promise<{ is: ReadonlyMap<string, Reading>; status: Status }> {
  const deadline = fleet.host.now() + QUIET_LIMIT_MS;
  while (fleet.host.now() < deadline) {
    const before = await readQuiet(fleet, victims);
    const result = before && (await fleet.host.exec([binary, "status", "-o", "json"], { timeoutMs: 30_000 }));
    if (result !== undefined && Bun.deepEquals(before, await readQuiet(fleet, victims))) {
      const { agents } = JSON.parse(result.stdout) as { agents: { name: string }[] };
      return {
        is: before as ReadonlyMap<string, Reading>,
        status: new Map(agents.map((each) => [each.name, { ...each }])),
      };
    }
    await fleet.host.pause(50);
  }
  const units = (await fleet.systemctl("list-units", "--all", "mosaic-*")).stdout;
  const said = (await fleet.journal()).slice(-20).join("\n");
  throw new Error(`not quiet within ${QUIET_LIMIT_MS / 1000} s (CHAOS_SEED=${seed}) after ${story}\n${units}\n${said}`);
}
