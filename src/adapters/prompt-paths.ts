import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { resolve } from "node:path";
import { parseMounts } from "./mounts.ts";

/** File systems that wait for nothing but this machine's kernel and disks: no server, and no program that serves them. */
const PROMPT = new Set(
  (
    "bcachefs bpf btrfs cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs erofs exfat ext2 ext3 ext4 f2fs fusectl " +
    "hugetlbfs iso9660 jfs mqueue nilfs2 ntfs3 overlay proc pstore ramfs reiserfs rootfs securityfs selinuxfs squashfs " +
    "sysfs tmpfs tracefs ubifs vfat xfs zfs"
  ).split(" "),
);

/** In them a process is asked for its memory, which may hang. */
const OF_A_PROCESS = /^\/proc\/[^/]+\/(?:task\/[^/]+\/)?(?:environ|cmdline|maps|smaps.*|mem)$/;

/** What is more than a name between two slashes. */
const UNTIDY = /\/(?:\.{0,2})(?:\/|$)/;

/**
 * Tells paths that can be looked at without waiting: nowhere on the way, links followed, is a file system of a type that may
 * hang (NFS, FUSE, automounts …). `follows`: whether a link at the end is followed, too. False where it cannot be told.
 * `slowOnes`: the folders where such are mounted.
 */
export function promptPaths(slowOnes = slowMounts): (path: string, follows: boolean) => boolean {
  let slow: ReadonlySet<string> | undefined;
  /** Of a folder the path without links; undefined where something on the way may hang, or is being looked at. */
  const folders = new Map<string, string | undefined>();

  const realFolder = (folder: string): string | undefined => {
    const known = folders.get(folder);
    if (known !== undefined || folders.has(folder)) return known;
    folders.set(folder, undefined); // for links in a circle
    const real = folder === "/" ? "/" : realPath(folder, true);
    folders.set(folder, real);
    return real;
  };
  const realPath = (path: string, follows: boolean): string | undefined => {
    const slash = path.lastIndexOf("/");
    const parent = realFolder(path.slice(0, slash) || "/");
    if (parent === undefined) return undefined;
    const real = parent === "/" ? path.slice(slash) : parent + path.slice(slash);
    if (slow?.has(real)) return undefined;
    if (!follows) return real;
    const known = folders.get(real);
    if (known !== undefined) return known;
    if (lstatSync(real, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return real;
    return realFolder(resolve(parent, readlinkSync(real)));
  };

  return (path, follows) => {
    if (!path.startsWith("/") || (path !== "/" && UNTIDY.test(path)) || OF_A_PROCESS.test(path)) return false;
    try {
      slow ??= slowOnes();
      return !slow.has("/") && realPath(path, follows) !== undefined;
    } catch {
      return false; // it may not be looked at
    }
  };
}

function slowMounts(): ReadonlySet<string> {
  const mounts = parseMounts(readFileSync("/proc/self/mountinfo", "utf8"));
  return new Set(mounts.flatMap(({ folder, type }) => (PROMPT.has(type) ? [] : [folder])));
}
