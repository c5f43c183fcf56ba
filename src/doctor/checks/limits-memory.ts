import { join } from "node:path";
import { AGENT_TEMPLATE, agentUnit } from "../../core/names.ts";
import type { Agent } from "../agents.ts";
import type { Check } from "../check.ts";
import { agentSettings, amount, dropIn, groupsAbove, kernelNumber } from "../limits.ts";
import { size } from "../sizes.ts";
import type { Tools } from "../tools.ts";

export const limitsMemory: Check = {
  id: "limits.memory",
  title: "the memory limits of all agents together fit into this machine",
  requires: ["systemd.user-manager"],
  explain: {
    checks:
      "MemoryMax= of every agent's unit with its drop-ins merged, summed up, against RAM and swap of /proc/meminfo, or less where a cgroup above the agents (a container's, the user's slice) has a limit of its own. That agents have no limit is no finding.",
    why: "A limit ends one agent before it takes the others' memory. Limits that together are more than there is do not do that: the kernel runs out first, and then chooses itself what it ends, the tmux server included. Without swap there is no warning before.",
    mend: "Lower MemoryMax= (`systemctl --user edit mosaic-agent@.service`, or of one instance), run fewer agents, or add memory or swap.",
  },
  async run(tools) {
    const settings = await agentSettings(tools, "MemoryMax");
    if (settings === undefined) return { status: "skip", reason: `${AGENT_TEMPLATE} is not installed` };
    const agents = await tools.agents();
    const limits = agents.map(({ name }) => amount(settings.own.get(name) ?? settings.common));
    const limited = limits.filter(Number.isFinite);
    const sum = limited.reduce((total, each) => total + each, 0);
    const { ram, swap, source } = await memory(tools);
    const evidence = {
      "sum of MemoryMax": limited.length === 0 ? "none" : size(sum),
      "agents with a limit": limited.length,
      "agents without": limits.length - limited.length,
      memory: size(ram),
      "memory by": source,
      swap: size(swap),
    };
    if (agents.length === 0) return { status: "skip", reason: "no agent is configured" };
    if (limited.length === 0) return { status: "pass", detail: `no limits, ${size(ram)} of memory`, evidence };
    const all = limited.length === limits.length ? "" : `, ${limits.length - limited.length} without a limit`;
    if (sum <= ram + swap) {
      const withSwap = sum > ram ? ` and ${size(swap)} of swap` : "";
      return { status: "pass", detail: `${size(sum)} of ${size(ram)}${withSwap}${all}`, evidence };
    }
    const share = Math.max(Math.floor((ram * 0.9) / limits.length / 2 ** 20), 1);
    const commands = unitsAbove(share * 2 ** 20, settings, agents).flatMap(
      (unit) => dropIn(tools, unit, `MemoryMax=${share}M`).commands ?? [],
    );
    return {
      status: "warn",
      message: `the memory limits of ${limited.length} ${limited.length === 1 ? "agent" : "agents"} are ${size(sum)} together, and there are ${size(ram)} of memory${swap > 0 ? ` and ${size(swap)} of swap` : " and no swap"}: the kernel may run out first and end what it likes`,
      evidence,
      fix: {
        // One reload, after the last.
        commands: commands.filter((command, index) => commands.lastIndexOf(command) === index),
      },
    };
  },
};

/** Units with a limit above this: the template, and each agent that has another, which wins over the template's. */
function unitsAbove(
  share: number,
  { common, own }: { readonly common: string; readonly own: ReadonlyMap<string, string> },
  agents: readonly Agent[],
): string[] {
  const shared = agents.some(({ name }) => (own.get(name) ?? common) === common);
  const others = [...own].filter(([, limit]) => limit !== common);
  const units = [
    ...(shared ? ([[AGENT_TEMPLATE, common]] as const) : []),
    ...others.map(([name, limit]) => [agentUnit(name), limit] as const),
  ];
  return units.flatMap(([unit, limit]) => (Number.isFinite(amount(limit)) && amount(limit) > share ? [unit] : []));
}

/** What the agents can have together. */
async function memory(tools: Tools): Promise<{ readonly ram: number; readonly swap: number; readonly source: string }> {
  const text = (await tools.host.files.read("/proc/meminfo")) ?? "";
  const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? Number.NaN);
  const total = kilobytes("MemTotal") * 1024;
  const swap = kilobytes("SwapTotal") * 1024;
  if (Number.isNaN(total) || Number.isNaN(swap)) throw new Error("/proc/meminfo says no total");
  let least = { ram: total, source: "/proc/meminfo" };
  for (const { folder, unified } of await groupsAbove(tools, "memory")) {
    const file = join(folder, unified ? "memory.max" : "memory.limit_in_bytes");
    if ((await tools.host.files.status(file)) === undefined) continue;
    const limit = await kernelNumber(tools, file);
    if (limit < least.ram) least = { ram: limit, source: file };
  }
  return { ...least, swap };
}
