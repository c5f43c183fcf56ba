import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { run } from "./build.ts";

/** The Debian releases that machines can be made of. */
export const suites = ["bookworm", "trixie", "sid"] as const;
export type Suite = (typeof suites)[number];

/** What a machine has beside the essentials of its Debian. */
const packages = [
  ...["systemd", "systemd-sysv", "libpam-systemd", "dbus", "dbus-user-session", "tmux"],
  // The ways to come in, what install.sh downloads with, and what serves it.
  ...["openssh-server", "openssh-client", "sudo", "cron", "curl", "ca-certificates", "xz-utils", "busybox", "procps"],
];

/** Done in a new root: an ordinary user whose key only root has, who may become root, and who keeps the time short that logind waits after a logout. */
const prepared = `
set -e
chroot "$1" useradd --create-home --shell /bin/bash --password '*' ada # without one sshd would take it as locked
echo 'ada ALL=(ALL) NOPASSWD:ALL' >"$1/etc/sudoers.d/ada"
mkdir -p -m 700 "$1/root/.ssh" "$1/home/ada/.ssh" "$1/etc/systemd/logind.conf.d"
ssh-keygen -q -t ed25519 -N '' -f "$1/root/.ssh/id_ed25519"
cp "$1/root/.ssh/id_ed25519.pub" "$1/home/ada/.ssh/authorized_keys"
chroot "$1" chown -R ada:ada /home/ada/.ssh
printf '[Login]\\nUserStopDelaySec=1\\n' >"$1/etc/systemd/logind.conf.d/test.conf"
`;

const cache = process.env.MOSAIC_MACHINES ?? "/var/cache/mosaic-fleet-machines";

/** Why there can be no machines here; undefined where there can. */
export function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return "machines take root";
  const missing = ["mmdebstrap", "systemd-nspawn", "nsenter", "ssh-keygen"].filter((tool) => Bun.which(tool) === null);
  if (missing.length > 0) return `${missing.join(", ")} cannot be had`;
  return mirror() === undefined ? "apt-get knows no mirror" : undefined;
}

/** The mirror that this machine's own packages come from. */
function mirror(): string | undefined {
  const { stdout } = run([
    "apt-get",
    "indextargets",
    "--format",
    "$(REPO_URI)",
    "Created-By: Packages",
    "Component: main",
  ]);
  return stdout.split("\n")[0] || undefined;
}

/**
 * The folder of a root file system of this suite, made once and kept; nobody writes to it. Throws with the reason where
 * it cannot be made.
 */
export function rootOf(suite: Suite): string {
  const recipe = createHash("sha256")
    .update(JSON.stringify([suite, packages, prepared]))
    .digest("hex")
    .slice(0, 12);
  const root = join(cache, `${suite}-${recipe}`);
  if (existsSync(root)) return root;
  const from = mirror();
  if (from === undefined) throw new Error("apt-get knows no mirror (apt-get indextargets)");
  mkdirSync(cache, { recursive: true });
  const made = mkdtempSync(join(cache, ".new-"));
  try {
    const staleLists = suite === "sid" ? ['--aptopt=Acquire::Check-Valid-Until "false"'] : [];
    const built = run(
      [
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        `--include=${packages.join(",")}`,
        ...staleLists,
        suite,
        `${made}/root`,
        from,
      ],
      { timeoutMs: 600_000 },
    );
    if (built.code !== 0)
      throw new Error(`mmdebstrap ${suite}: ${built.stderr.trim().split("\n").slice(-5).join("; ")}`);
    const done = run(["sh", "-c", prepared, "prepare", `${made}/root`]);
    if (done.code !== 0) throw new Error(done.stderr);
    renameSync(`${made}/root`, root);
    return root;
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}
