import { memoryLimitFile } from "../../adapters/cgroup.ts";
import { until } from "../../core/until.ts";
import { HOG_LIMIT, NEIGHBOUR_LIMIT } from "../parts.ts";
import { expect, expectInTime, type Fleet, type Step, Untried } from "../step.ts";
import { proveHolder } from "./holder.ts";
import { END_PROPERTIES, endOf, ensureUp, proveUntouched, stop, unitOf } from "./support.ts";

const LIMIT_MS = 20_000;
/** How a shell says that what it ran was killed, and how tmux says it of the agent itself. */
const KILLED = /exited with status 137|killed by signal 9/;

export const memory: Step = {
  id: "memory",
  title: "an agent over its memory limit dies alone: holder, server and neighbour live",
  limitMs: 40_000,
  requires: ["agent"],
  beside: true,
  async run(fleet) {
    const { hog, neighbour } = fleet.own;
    const before = await ensureUp(fleet, neighbour); // in its unit, in every hierarchy
    await limitReaches(fleet);
    const server = (await proveHolder(fleet)).pid;
    await fleet.systemd.run("start", [hog.unit]); // well or not: it may be killed in the middle of its own start
    const look = () => unitOf(fleet, hog.unit, END_PROPERTIES);
    const ended = await until(fleet.host, LIMIT_MS, async () => {
      const now = await look();
      return now.sub === "auto-restart" || now.active === "failed" ? now : undefined;
    });
    const now = ended ?? (await look());
    const evidence = {
      unit: now.active,
      sub: now.sub,
      status: endOf(now),
      "limit in bytes": HOG_LIMIT,
    };
    expectInTime(ended !== undefined, `an agent over its memory limit still ran after ${LIMIT_MS / 1000} s`, evidence);
    expect(
      KILLED.test(evidence.status),
      "an agent ate four times its memory limit, and was not killed for it",
      evidence,
    );
    await proveUntouched(fleet, neighbour, before, server, "after another agent ran out of memory");
    await proveHolder(fleet);
    await Promise.all([stop(fleet, hog.unit), stop(fleet, neighbour.unit)]);
    return evidence;
  },
};

/** Throws Untried where no limit can be had here, and says it broken where the agent is not under its own. */
async function limitReaches({ host, own, systemd }: Fleet): Promise<void> {
  const [unit] = await systemd.show([own.neighbour.unit]);
  const group = unit?.controlGroup ?? "";
  const file = await memoryLimitFile(host, group);
  if (file === undefined)
    throw new Untried("the memory controller does not reach the user manager, so that no limit can be tried");
  if (file.endsWith("_in_bytes") && /^SwapTotal: +[1-9]/m.test((await host.files.read("/proc/meminfo")) ?? ""))
    throw new Untried("there is swap, which these cgroups (version 1) do not limit: what is over a limit goes there");
  const limit = Number(await host.files.read(file));
  expect(limit === NEIGHBOUR_LIMIT, "the memory limit of an agent's unit is not in force", { file, limit });
}
