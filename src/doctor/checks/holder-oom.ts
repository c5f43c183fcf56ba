import { join } from "node:path";
import { cgroupIn } from "../../adapters/procfs.ts";
import { agentUnit, HOLDER_UNIT } from "../../core/names.ts";
import { type Check, type CheckResult, ofSubjects, type SubjectResult } from "../check.ts";
import { size } from "../sizes.ts";
import type { Tools } from "../tools.ts";

/** A hierarchy of cgroups in which the kernel counts what it killed for want of memory. */
interface Counter {
  readonly mount: string;
  /** Out of what /proc/PID/cgroup says the path there. */
  readonly pathIn: (groups: string) => string | undefined;
  readonly limit: string;
  /** How often it has killed in a group; undefined where that is not counted. */
  readonly killedIn: (group: string) => number | undefined;
  /** What is counted in a group is counted in those above, too. */
  readonly upwards: boolean;
}

async function counters(tools: Tools): Promise<Counter[]> {
  const { files } = tools.host;
  const counted = (file: string) => {
    const known = new Map<string, number | undefined>();
    return (group: string) => {
      if (known.has(group)) return known.get(group);
      const killed = /^oom_kill (\d+)$/m.exec(files.readNow(`${group}/${file}`) ?? "")?.[1];
      const count = killed === undefined ? undefined : Number(killed);
      known.set(group, count);
      return count;
    };
  };
  const found = await Promise.all(
    (await tools.mounts()).map(async ({ folder, type, options }): Promise<Counter[]> => {
      const common = { mount: folder, limit: "memory.max", killedIn: counted("memory.events") };
      if (type === "cgroup2") {
        const here = (await files.read(join(folder, "cgroup.controllers")))?.trim().split(" ").includes("memory");
        const upwards = !options.includes("memory_localevents");
        return here ? [{ ...common, pathIn: cgroupIn(""), upwards }] : [];
      }
      if (type !== "cgroup" || !options.includes("memory")) return [];
      const killedIn = counted("memory.oom_control");
      return [{ ...common, pathIn: cgroupIn("memory"), limit: "memory.limit_in_bytes", killedIn, upwards: false }];
    }),
  );
  return found.flat();
}

interface Count {
  readonly killed: number;
  /** Its own limit, in bytes, where it has one. */
  readonly limit: number | undefined;
}

/** What the kernel killed in a unit's own cgroup, by one of its processes; undefined where it has none with memory. */
function countOf(tools: Tools, among: readonly Counter[], unit: string, groups: string): Count | undefined {
  for (const { mount, pathIn, limit, killedIn, upwards } of among) {
    const path = pathIn(groups) ?? "";
    const end = path.indexOf(`/${unit}`);
    if (end < 0) continue; // one that others share says nothing of this unit
    const above = path.slice(0, end);
    const group = join(mount, above, unit);
    const { files } = tools.host;
    // Where nothing was killed in all the groups above together, it need not be asked one by one.
    const none = upwards && killedIn(join(mount, above)) === 0 && files.readNow(`${group}/${limit}`) !== undefined;
    const killed = none ? 0 : killedIn(group);
    if (killed === undefined) continue;
    const most = killed === 0 ? undefined : Number.parseInt(files.readNow(`${group}/${limit}`) ?? "", 10);
    // "max", or version 1's number for no limit.
    return { killed, limit: most !== undefined && most < 2 ** 62 ? most : undefined };
  }
  return undefined;
}

function subjectOf(subject: string, unit: string, { killed, limit }: Count): SubjectResult {
  if (killed === 0) return { subject, status: "pass", message: "nothing was killed for want of memory" };
  const times = killed === 1 ? "a process" : `${killed} processes`;
  const own = limit === undefined ? "the machine, or a slice above, ran out" : `its limit is ${size(limit)}`;
  return {
    subject,
    status: "warn",
    message: `the kernel has killed ${times} of it for want of memory since it was started (${own})`,
    evidence: { killed, ...(limit === undefined ? {} : { limit }) },
    fix: {
      commands:
        limit === undefined
          ? [`systemctl --user status ${unit}`, "ps -eo pid,rss,args --sort=-rss | head"]
          : [`systemctl --user set-property ${unit} MemoryMax=${limit * 2}`],
      root: ["journalctl -k -g oom-kill -n 20 --no-pager"],
    },
  };
}

export const holderOom: Check = {
  id: "holder.oom",
  title: "the kernel has killed nothing of the fleet for want of memory",
  requires: ["holder.server"],
  explain: {
    checks:
      "The count oom_kill in the memory cgroup of the holder and of every agent that runs (memory.events with cgroups version 2, memory.oom_control with version 1), since the unit was last started; and the limit that the cgroup has.",
    why: "An agent whose build or test run is shot halfway goes on with a wrong idea of what happened; where the server itself is shot, all agents end. A killed child of an agent leaves no trace but this count.",
    mend: "Find what eats the memory (`ps -eo pid,rss,args --sort=-rss`, `systemd-cgtop`). Raise the limit of an agent that needs more (`systemctl --user set-property mosaic-agent@NAME.service MemoryMax=4G`); give agents limits where one can starve the others. The count starts anew with the unit.",
  },
  async run(tools): Promise<CheckResult> {
    const [holder, agents, among] = await Promise.all([tools.holder(), tools.agents(), counters(tools)]);
    const units = [
      { subject: "holder", unit: HOLDER_UNIT, pid: holder.mainPid },
      ...agents.flatMap(({ name, pane }) =>
        pane === undefined || pane.dead ? [] : [{ subject: name, unit: agentUnit(name), pid: pane.pid }],
      ),
    ];
    const groups = among.length === 0 ? [] : await tools.procfs.groupTexts(units.map(({ pid }) => pid));
    const subjects = units.flatMap(({ subject, unit }, index) => {
      const count = countOf(tools, among, unit, groups[index] ?? "");
      return count === undefined ? [] : [subjectOf(subject, unit, count)];
    });
    if (subjects.length === 0)
      return {
        status: "skip",
        reason: "the units have no memory cgroups of their own here, in which the kernel would count",
      };
    return ofSubjects(subjects, {
      many: "units",
      healthy: "nothing killed",
      failing: "the kernel has killed processes of theirs for want of memory",
    });
  },
};
