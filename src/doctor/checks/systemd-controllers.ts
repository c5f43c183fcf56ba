import { join } from "node:path";
import { cgroupMode, unifiedMount } from "../../adapters/cgroup.ts";
import type { Check } from "../check.ts";

/** What the limits of an agent's unit stand on. */
const NEEDED: readonly (readonly [controller: string, settings: string])[] = [
  ["memory", "MemoryMax="],
  ["pids", "TasksMax="],
  ["cpu", "CPUWeight="],
];
const DELEGATE = "/etc/systemd/system/user@.service.d/delegate.conf";

export const systemdControllers: Check = {
  id: "systemd.controllers",
  title: "limits on memory, tasks and processor reach the user's units",
  pre: true,
  requires: ["systemd.user-manager"],
  explain: {
    checks:
      "The controllers in cgroup.controllers of the user manager's own cgroup: those that it was handed, and may hand to its units. cgroup.subtree_control shows which it hands on now.",
    why: "A limit whose controller does not arrive is accepted, shown by `systemctl --user show`, and does nothing: without memory an agent with `MemoryMax=` takes the whole machine, without pids `TasksMax=` stops no fork bomb, without cpu `CPUWeight=` shares nothing out.",
    mend: `As root, write "[Service]" and "Delegate=cpu cpuset io memory pids" into ${DELEGATE} and run \`systemctl daemon-reload\`. Where they still do not arrive, log out everywhere or reboot.`,
  },
  async run(tools) {
    const { host } = tools;
    const mode = await cgroupMode(host);
    if (mode !== "unified") return { status: "skip", reason: `cgroups are ${mode}: no controller is handed down` };
    const mount = await unifiedMount(host);
    const { controlGroup } = await tools.managerState();
    const read = async (file: string) => {
      const text = await host.files.read(join(mount ?? "", controlGroup, file));
      if (text === undefined) throw new Error(`${join(mount ?? "", controlGroup, file)} is not there`);
      return text.split(/\s+/).filter(Boolean);
    };
    const [handed, passed] = await Promise.all([read("cgroup.controllers"), read("cgroup.subtree_control")]);
    const without = NEEDED.filter(([controller]) => !handed.includes(controller));
    if (without.length === 0) return { status: "pass", detail: handed.join(" ") };
    const names = without.map(([controller]) => controller);
    return {
      status: "warn",
      message: `${names.join(", ")} ${names.length === 1 ? "does" : "do"} not reach the user manager: ${without.map(([, setting]) => setting).join(", ")} of an agent ${names.length === 1 ? "does" : "do"} nothing`,
      evidence: { cgroup: controlGroup, handed, "handed on": passed },
      fix: {
        root: [
          `sh -c 'mkdir -p ${DELEGATE.slice(0, DELEGATE.lastIndexOf("/"))} && printf "%s\\n" "[Service]" "Delegate=cpu cpuset io memory pids" >${DELEGATE}'`,
          "systemctl daemon-reload   # then log out everywhere, or reboot",
        ],
      },
    };
  },
};
