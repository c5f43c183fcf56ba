import { join } from "node:path";
import { AGENT_TEMPLATE, agentUnit } from "../../core/names.ts";
import { shellWord } from "../../core/shell.ts";
import type { Fix } from "../check.ts";
import {
  agentSettings,
  amount,
  dropIn,
  type Group,
  groupsAbove,
  kernelNumber,
  limitCheck,
  type Stock,
  sysctl,
} from "../limits.ts";

/** Threads of an agent's own program (about 15 with Node) and of what it runs: a shell, a search, a small build. */
const EACH = 50;

export const limitsTasks = limitCheck({
  id: "limits.tasks",
  title: "every agent may have the processes and threads that it needs",
  explain: {
    checks: `kernel.threads-max and kernel.pid_max against the threads that run now; pids.max of each cgroup above the agents' units, as the kernel has it, against pids.current; TasksMax= of the agents' units; and LimitNPROC= of the holder where the user is not root. ${EACH} tasks (processes and threads) are assumed for each agent: its own program has about 15, and the rest is what it runs.`,
    why: "At the limit nothing can be started any more: agents' tools end with `Resource temporarily unavailable` or `fork: retry`, and a limit of the user's slice hits the whole fleet and every login of the user at once.",
    mend: "Raise the limit that is named: `systemctl set-property user-UID.slice TasksMax=infinity` for the user's slice, a drop-in with TasksMax= for the agents' units, sysctl for the kernel's. A container's limit is set where it is started (docker: `--pids-limit`).",
  },
  short: "fail",
  async stocks(tools) {
    const otherwise = "beyond that no program or thread can be started (Resource temporarily unavailable)";
    const { uid } = tools.host.user;
    // "0.27 0.41 0.78 3/120 22282": of 120 threads 3 run.
    const running = Number((await tools.host.files.read("/proc/loadavg"))?.split(" ")[3]?.split("/")[1]);
    if (Number.isNaN(running)) throw new Error("/proc/loadavg says no number of threads");
    const stocks: Stock[] = [];
    for (const name of ["threads-max", "pid_max"])
      stocks.push({
        name: `kernel.${name}`,
        limit: await kernelNumber(tools, `/proc/sys/kernel/${name}`),
        used: running,
        each: EACH,
        otherwise,
        mend: sysctl(`kernel.${name}`),
      });
    const addGroups = async (groups: readonly Group[], part: Pick<Stock, "alone">) => {
      for (const group of groups) {
        const file = join(group.folder, "pids.max");
        if ((await tools.host.files.status(file)) === undefined) continue;
        stocks.push({
          ...part,
          name: `tasks in ${group.path}`,
          limit: await kernelNumber(tools, file),
          used: part.alone ? 0 : await kernelNumber(tools, join(group.folder, "pids.current")),
          each: EACH,
          otherwise,
          mend: () => widen(group, file),
        });
      }
    };
    const shared = await groupsAbove(tools, "pids");
    await addGroups(shared, {});
    const settings = await agentSettings(tools, "TasksMax");
    const slices = await agentSettings(tools, "Slice");
    for (const slice of new Set(slices?.own.values())) {
      const groups = slice === slices?.common ? [] : await groupsAbove(tools, "pids", slice);
      const others = groups.filter(({ path }) => shared.every((each) => each.path !== path));
      await addGroups(others, { alone: true });
    }
    const ofAgent = (unit: string, value: string): Stock => ({
      name: `TasksMax of ${unit}`,
      limit: amount(value),
      each: EACH,
      alone: true,
      otherwise,
      mend: () => dropIn(tools, unit, "TasksMax=infinity"),
    });
    if (settings !== undefined) {
      stocks.push(ofAgent(AGENT_TEMPLATE, settings.common));
      for (const [name, value] of settings.own) stocks.push(ofAgent(agentUnit(name), value));
      const holder = await tools.holder();
      // A pane's limits are its server's. Root has none.
      if (uid !== 0 && holder.load === "loaded")
        stocks.push({
          name: `LimitNPROC of ${holder.id}`,
          limit: amount(holder.extra.LimitNPROCSoft),
          used: (await tools.processes()).length,
          each: EACH,
          otherwise,
          mend: () =>
            dropIn(tools, holder.id, "LimitNPROC=infinity", [
              `systemctl --user restart ${holder.id}   # restarts every agent`,
            ]),
        });
    }
    return stocks;
  },
});

/** Whose limit it is tells who can change it: the user's manager, the system's, or whoever made the cgroup. */
function widen({ path, own }: Group, file: string): Fix {
  const unit = path.slice(path.lastIndexOf("/") + 1);
  const setting = `${shellWord(unit)} TasksMax=infinity`;
  if (own) return { commands: [`systemctl --user set-property ${setting}`] };
  const ofSystem = /\.(slice|service|scope)$/.test(unit);
  return { root: [ofSystem ? `systemctl set-property ${setting}` : `sh -c 'echo max >${file}'`] };
}
