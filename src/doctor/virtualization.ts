import type { Tools } from "./tools.ts";

/** What a machine runs in; `name` is systemd's word for it, such as "docker" or "kvm". */
export interface Surroundings {
  readonly kind: "container" | "wsl" | "vm" | "none";
  readonly name: string;
  /** Where that was seen. */
  readonly source: string;
}

/** Systemd's words for containers; what else it says is a virtual machine. */
const CONTAINERS = [
  "systemd-nspawn",
  "lxc-libvirt",
  "lxc",
  "openvz",
  "docker",
  "podman",
  "rkt",
  "proot",
  "pouch",
  "container-other",
];

/** Firmware's words for virtual machines. */
const FIRMWARE: readonly (readonly [RegExp, string])[] = [
  [/KVM|Google Compute Engine|OpenStack/, "kvm"],
  [/Amazon EC2/, "amazon"],
  [/QEMU|Bochs/, "qemu"],
  [/VMware/, "vmware"],
  [/innotek GmbH|VirtualBox/, "oracle"],
  [/Xen/, "xen"],
  [/Parallels/, "parallels"],
  [/BHYVE/, "bhyve"],
  [/Microsoft Corporation.*Virtual Machine|Hyper-V/, "microsoft"],
  [/Apple Virtualization/, "apple"],
];

/** By files, which need no manager; then by the user manager, which also asks the processor. */
export async function surroundings(tools: Tools): Promise<Surroundings> {
  const { files } = tools.host;
  const text = async (path: string) => (await files.read(path))?.trim() ?? "";
  const wsl = async (source: string): Promise<Surroundings> => {
    const release = await text("/proc/sys/kernel/osrelease");
    // "4.4.0-19041-Microsoft" is WSL 1, "5.15.90.1-microsoft-standard-WSL2" is WSL 2.
    return { kind: "wsl", name: /microsoft-standard|WSL2/.test(release) ? "WSL 2" : "WSL 1", source };
  };

  for (const [mark, name] of [
    ["/.dockerenv", "docker"],
    ["/run/.containerenv", "podman"],
  ] as const)
    if ((await files.status(mark)) !== undefined) return { kind: "container", name, source: mark };
  if (/microsoft|WSL/i.test(await text("/proc/sys/kernel/osrelease"))) return wsl("/proc/sys/kernel/osrelease");
  for (const mark of ["/run/systemd/container", "/run/host/container-manager"]) {
    const name = await text(mark);
    if (name === "wsl") return wsl(mark);
    if (name !== "") return { kind: "container", name, source: mark };
  }
  // Of the first process only root may read the environment; its cgroups everybody.
  const first = tools.host.user.uid === 0 ? (await tools.procfs.environment(1))?.container : undefined;
  if (first) return { kind: "container", name: first, source: "/proc/1/environ" };
  const group = /\b(docker|libpod|kubepods|lxc)\b/.exec(await text("/proc/1/cgroup"))?.[1];
  if (group !== undefined) return { kind: "container", name: group, source: "/proc/1/cgroup" };

  if ("manager" in (await tools.userManager())) {
    const { virtualization } = await tools.managerState();
    const source = "the user manager";
    if (virtualization === "wsl") return wsl(source);
    if (virtualization === "") return { kind: "none", name: "", source };
    return { kind: CONTAINERS.includes(virtualization) ? "container" : "vm", name: virtualization, source };
  }
  const hypervisor = await text("/sys/hypervisor/type");
  if (hypervisor !== "") return { kind: "vm", name: hypervisor, source: "/sys/hypervisor/type" };
  const dmi = "/sys/class/dmi/id";
  const firmware = (
    await Promise.all(
      ["sys_vendor", "product_name", "board_vendor", "bios_vendor"].map((name) => text(`${dmi}/${name}`)),
    )
  ).join(" ");
  const vm = FIRMWARE.find(([words]) => words.test(firmware))?.[1];
  return vm === undefined ? { kind: "none", name: "", source: dmi } : { kind: "vm", name: vm, source: dmi };
}
