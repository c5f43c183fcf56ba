import { chmodSync, cpSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bun, run, tree, writeFiles } from "./build.ts";

/** The target whose binary install.sh takes on this machine, where it has glibc. */
export const native = `linux-${process.arch}`;

/** What stands in for the binary of a target: a script that knows the two things that install.sh asks a binary. */
export function standIn(version: string, target: string): string {
  const padding = Array.from({ length: 2000 }, (_, line) => `# ${Bun.hash(`${target} ${line}`)}`).join("\n");
  return `#!/bin/sh
case $* in
--version) echo ${version} ;;
"doctor --pre") echo "doctor of ${target}" && exit "\${DOCTOR_EXIT:-0}" ;;
*) exit 64 ;;
esac
exit
${padding}
`;
}

export interface Release {
  readonly folder: string;
  readonly version: string;
  /** Where install.sh is: not among the files, so that a test can spoil these. */
  readonly installer: string;
}

/** A release of small files, whose install.sh and SHA256SUMS are as scripts/release makes them. */
export function smallRelease(
  folder: string,
  {
    version,
    baseUrl = "",
    key,
    packed = true,
  }: { version: string; baseUrl?: string; key?: { secret: string; public: string }; packed?: boolean },
): Release {
  mkdirSync(folder, { recursive: true });
  for (const libc of ["", "-musl"]) {
    for (const arch of ["x64", "arm64"]) {
      const name = `mosaic-fleet-${version}-linux-${arch}${libc}`;
      writeFiles(folder, { [name]: standIn(version, `linux-${arch}${libc}`) });
      if (packed) run(["xz", "--keep", name], { cwd: folder });
    }
  }
  const installer = `${folder}.install.sh`;
  const argv = [bun, "scripts/release-installer.ts", folder, version, baseUrl, ...(key ? [key.public] : [])];
  writeFileSync(installer, run(argv).stdout);
  chmodSync(installer, 0o755);
  listSums({ folder, key });
  return { folder, version, installer };
}

/** Writes SHA256SUMS, and signs it. */
export function listSums({ folder, key }: { folder: string; key?: { secret: string } | undefined }): void {
  const sums = run(["sh", "-c", "sha256sum mosaic-fleet-*"], { cwd: folder }).stdout;
  writeFileSync(join(folder, "SHA256SUMS"), sums);
  if (key) run(["minisign", "-S", "-s", key.secret, "-t", "test", "-m", "SHA256SUMS"], { cwd: folder });
}

/** A new key pair to sign with, without a password. */
export function newKey(folder: string): { secret: string; public: string } {
  mkdirSync(folder, { recursive: true });
  run(["minisign", "-G", "-W", "-p", "key.pub", "-s", "key"], { cwd: folder });
  const lines = run(["cat", "key.pub"], { cwd: folder }).stdout.split("\n");
  return { secret: join(folder, "key"), public: lines[1] ?? "" };
}

/** As much of a clone as a release is made of, with files of its own, given as path → text; its node_modules is a link. */
export function copyOfTree(place: string, changed: Readonly<Record<string, string>> = {}): string {
  const files = ["package.json", "tsconfig.json", "bun.lock", "LICENSE", "CHANGELOG.md"];
  mkdirSync(place, { recursive: true });
  for (const name of ["src", "assets", "scripts", "test", ...files])
    cpSync(join(tree, name), join(place, name), { recursive: true });
  symlinkSync(realpathSync(join(tree, "node_modules")), join(place, "node_modules"));
  writeFiles(place, changed);
  return place;
}
