import type { Host } from "../core/host.ts";

/** The names of a package with the distributions that a fleet is run on, and their kin. */
export interface PackageNames {
  readonly debian: string;
  readonly fedora: string;
  readonly suse: string;
  readonly arch: string;
  /** Left out where it has no such package: systemd. */
  readonly alpine?: string;
}

const FAMILIES: readonly { family: keyof PackageNames; like: RegExp; command: string; again: string }[] = [
  { family: "debian", like: /\b(debian|ubuntu)\b/, command: "apt-get install", again: "apt-get install --reinstall" },
  { family: "fedora", like: /\b(fedora|rhel|centos)\b/, command: "dnf install", again: "dnf reinstall" },
  { family: "suse", like: /suse\b/, command: "zypper install", again: "zypper install --force" },
  { family: "arch", like: /\barch\b/, command: "pacman -S", again: "pacman -S" },
  { family: "alpine", like: /\balpine\b/, command: "apk add", again: "apk fix" },
];

/** The same name everywhere. */
export function alike(name: string): PackageNames {
  return { debian: name, fedora: name, suse: name, arch: name, alpine: name };
}

/** What root types to install a package; nothing where the distribution is none of these. */
export async function installLines(host: Pick<Host, "files">, names: PackageNames): Promise<string[]> {
  const found = await familyOf(host);
  const name = found && names[found.family];
  return name === undefined ? [] : [`${found?.command} ${name}`];
}

/**
 * What root types where a package is installed and its program does not start; nothing where the distribution is none of these.
 * `said`: what the program's loader said, which may name a library of another package.
 */
export async function reinstallLines(host: Pick<Host, "files">, names: PackageNames, said: string): Promise<string[]> {
  const found = await familyOf(host);
  const name = found && names[found.family];
  if (name === undefined) return [];
  const library = /error while loading shared libraries: ([\w.+-]+)/.exec(said)?.[1];
  const owner =
    library !== undefined && found?.family === "debian" ? ` $(dpkg -S ${library} | cut -d: -f1 | uniq)` : "";
  return [`${found?.again} ${name}${owner}`];
}

async function familyOf(host: Pick<Host, "files">) {
  const release = (await host.files.read("/etc/os-release")) ?? "";
  const kin = [...release.matchAll(/^ID(?:_LIKE)?=(.*)$/gm)].map(([, value]) => value).join(" ");
  return FAMILIES.find(({ like }) => like.test(kin));
}
