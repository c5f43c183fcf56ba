import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { run } from "./build.ts";

/** The Debian releases that machines can be made of. */
export type Suite = "bookworm" | "trixie" | "sid";

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

/** Why there can be no roots here that are entered with these tools; undefined where there can. */
export function whyNot(tools: readonly string[] = ["systemd-nspawn", "nsenter"]): string | undefined {
  if (process.getuid?.() !== 0) return "machines take root";
  const missing = ["apt-get", "mmdebstrap", "ssh-keygen", ...tools].filter((tool) => Bun.which(tool) === null);
  if (missing.length > 0) return `${missing.join(", ")} cannot be had`;
  return mirror() === undefined ? "apt-get knows no mirror" : undefined;
}

/** The mirror that this machine's own packages come from. */
function mirror(): string | undefined {
  const asked = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Component: main"];
  return run(asked).stdout.split("\n")[0] || undefined;
}

/**
 * The folder of a root file system of this suite, made once and kept; nobody writes to it. Throws with the reason where
 * it cannot be made.
 */
export function rootOf(suite: Suite): string {
  return kept(suite, JSON.stringify([suite, packages, prepared]), (root) => {
    bootstrap(root, suite, "minbase", packages);
    must(["sh", "-c", prepared, "prepare", root]);
  });
}

/**
 * The folder of a root, made once and kept, in which user-mode Linux can run (usr/bin/linux.uml): sid's, for those of bookworm
 * and trixie end at once on processors with AMX. 36 MB to download. Throws with the reason where it cannot be made.
 */
export function kernelRoot(): string {
  if (process.arch !== "x64") throw new Error("user-mode Linux is there for x86_64 alone");
  return kept("kernel", kernelPrepared, (root) => {
    bootstrap(root, "sid", "extract", ["user-mode-linux"]);
    must(["sh", "-c", kernelPrepared, "prepare", root]);
  });
}

/**
 * A folder of Debian's packages that put another tmux on a root of this suite: a later one, of backports; for sid, which has
 * none, trixie's. Made once and kept. Throws with the reason where it cannot be.
 */
export function otherTmux(suite: Suite): string {
  const of = suite === "sid" ? "trixie" : suite;
  const from = mirror();
  const root = rootOf(suite);
  return kept(`tmux-for-${suite}`, [fetchTmux, root, of].join(), (folder) =>
    must(["sh", "-c", fetchTmux, "fetch", folder, root, of, `${from}`]),
  );
}

/** FOLDER ROOT SUITE MIRROR: with a state of its own; what ROOT has already is not downloaded. */
const fetchTmux = `
set -e
mkdir -p "$1/lists/partial" "$1/partial"
for each in "$3" "$3-backports"; do
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $4 $each main"
done >"$1/sources.list"
apt() {
	apt-get -qq -o Dir::Etc::SourceList="$folder/sources.list" -o Dir::Etc::SourceParts=- -o Dir::State::Lists="$folder/lists" \\
		-o Dir::State::status="$root/var/lib/dpkg/status" -o Dir::Cache::archives="$folder" -o APT::Sandbox::User=root -o Debug::NoLocking=1 "$@"
}
folder=$1 root=$2
apt update
apt install --download-only --allow-downgrades --no-install-recommends --yes "tmux/$3-backports" >/dev/null
rm -r "$1/lists" "$1/partial" "$1/sources.list"
`;

/** Its modules are not needed; what it is linked to is looked for where packages do not put it. */
const kernelPrepared = `
set -e
cd "$1"
rm -r usr/lib/uml usr/share
ln -s usr/lib usr/lib64 .
mkdir -p proc dev tmp machine
`;

/** Begins what is being made; it has another name when it is whole. */
const UNFINISHED = ".new-";
/** Milliseconds after which what is not finished is nobody's any more: each command of a recipe is ended after ten minutes. */
const GIVEN_UP_MS = 3_600_000;

/**
 * What was made by this recipe before, or is made now: whole or not at all, and once where several ask at the same time. What
 * is not as it was made is made anew, which is said.
 */
function kept(name: string, recipe: string, make: (root: string) => void): string {
  const root = join(cache, `${name}-${createHash("sha256").update(recipe).digest("hex").slice(0, 12)}`);
  mkdirSync(cache, { recursive: true });
  const folder = openSync(cache, "r");
  try {
    // The lock is on what this process has open, and goes with it.
    if (Bun.spawnSync(["flock", "3"], { stdio: ["ignore", "ignore", "inherit", folder] }).exitCode !== 0)
      throw new Error(`${cache} cannot be locked`);
    return keptAlone(root, make);
  } finally {
    closeSync(folder);
  }
}

function keptAlone(root: string, make: (root: string) => void): string {
  const stamp = `${root}.made`;
  clearGivenUp();
  if (existsSync(root)) {
    if (existsSync(stamp) && readFileSync(stamp, "utf8") === stampOf(root)) return root;
    console.error(`machines: ${root} is not as it was made: it is made anew`);
    remove(root);
  }
  const made = mkdtempSync(join(cache, UNFINISHED));
  try {
    const unnamed = join(made, "root");
    make(unnamed);
    writeFileSync(stamp, stampOf(unnamed));
    renameSync(unnamed, root);
    return root;
  } finally {
    remove(made);
  }
}

/** Removes what runs that were killed have left. */
function clearGivenUp(): void {
  const left = readdirSync(cache).filter((name) => name.startsWith(UNFINISHED));
  for (const path of left.map((name) => join(cache, name)))
    if ((statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) < Date.now() - GIVEN_UP_MS) remove(path);
}

/** Of everything in a tree its name, kind, owner, rights, size and time: other bytes of the same size and time are not told. */
function stampOf(root: string): string {
  const all = run(["find", root, "-printf", "%P %y %U:%G %m %s %T@ %l\\n"]);
  if (all.code !== 0) throw new Error(all.stderr);
  return createHash("sha256").update(all.stdout.split("\n").sort().join("\n")).digest("hex");
}

/** Whatever a killed recipe has mounted in it, such as /dev, stays. */
function remove(path: string): void {
  must(["rm", "-rf", "--one-file-system", path]);
}

function bootstrap(root: string, suite: Suite, variant: string, include: readonly string[]): void {
  const from = mirror();
  if (from === undefined) throw new Error("apt-get knows no mirror (apt-get indextargets)");
  const staleLists = suite === "sid" ? ['--aptopt=Acquire::Check-Valid-Until "false"'] : [];
  const options = ["--quiet", `--variant=${variant}`, `--include=${include.join(",")}`, ...staleLists];
  must(["mmdebstrap", ...options, suite, root, from]);
}

function must(argv: readonly string[]): void {
  const done = run(argv, { timeoutMs: 600_000 });
  if (done.code !== 0) throw new Error(`${argv[0]}: ${done.stderr.trim().split("\n").slice(-5).join("; ")}`);
}
