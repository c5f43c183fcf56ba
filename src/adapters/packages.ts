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

const FAMILIES: readonly { family: keyof PackageNames; like: RegExp; command: string }[] = [
  { family: "debian", like: /\b(debian|ubuntu)\b/, command: "apt-get install" },
  { family: "fedora", like: /\b(fedora|rhel|centos)\b/, command: "dnf install" },
  { family: "suse", like: /suse\b/, command: "zypper install" },
  { family: "arch", like: /\barch\b/, command: "pacman -S" },
  { family: "alpine", like: /\balpine\b/, command: "apk add" },
];

/** The same name everywhere. */
export function alike(name: string): PackageNames {
  return { debian: name, fedora: name, suse: name, arch: name, alpine: name };
}

/** What root types to install a package; nothing where the distribution is none of these. */
export async function installLines(host: Pick<Host, "files">, names: PackageNames): Promise<string[]> {
  const release = (await host.files.read("/etc/os-release")) ?? "";
  const kin = [...release.matchAll(/^ID(?:_LIKE)?=(.*)$/gm)].map(([, value]) => value).join(" ");
  const found = FAMILIES.find(({ like }) => like.test(kin));
  const name = found && names[found.family];
  return name === undefined ? [] : [`${found?.command} ${name}`];
}
