import { dirname } from "node:path";
import type { FileStatus, Host } from "../core/host.ts";

/** Who else than this user and root may write somewhere. */
export interface Writers {
  readonly who: string;
  /** everybody: whoever has an account. owner: it belongs to somebody else. unknown: nobody here knows who is in the group. */
  readonly kind: "everybody" | "owner" | "group" | "unknown";
}

/**
 * Says of a status who else may write there; undefined when nobody may. A group in which nobody else is does not count:
 * where each user has a group of his own, files are group-writable as a matter of course.
 */
export async function writersOf(host: Host): Promise<(status: FileStatus) => Writers | undefined> {
  const fieldsOf = async (path: string) =>
    ((await host.files.read(path)) ?? "").split("\n").map((line) => line.split(":"));
  const [users, groups] = await Promise.all([fieldsOf("/etc/passwd"), fieldsOf("/etc/group")]);
  const nameOf = (uid: number) => users.find((fields) => fields[2] === String(uid))?.[0];
  const me = host.user;

  const group = (gid: number): Writers | undefined => {
    const entry = groups.find((fields) => fields[2] === String(gid));
    if (entry === undefined) return { kind: "unknown", who: `group ${gid}, whose members are not known here,` };
    const members = new Set([
      ...(entry[3] ?? "").split(",").filter((name) => name !== ""),
      ...users.flatMap((fields) => (fields[3] === String(gid) && fields[0] ? [fields[0]] : [])),
    ]);
    for (const trusted of [me.name, nameOf(me.uid), nameOf(0)]) if (trusted) members.delete(trusted);
    return members.size === 0 ? undefined : { kind: "group", who: `group ${entry[0]} (${[...members].join(", ")})` };
  };

  return ({ kind, mode, uid, gid }) => {
    if (kind === "other" || kind === "socket") return undefined; // /dev/null is everybody's
    if (uid !== me.uid && uid !== 0) return { kind: "owner", who: nameOf(uid) ?? `uid ${uid}` };
    if (kind === "link") return undefined; // its own mode says nothing
    if ((mode & 0o002) !== 0) return { kind: "everybody", who: "everybody" };
    return (mode & 0o020) !== 0 ? group(gid) : undefined;
  };
}

const STICKY = 0o1000;

/** A path that is there, and who else may put something else in its place, or into it. */
export interface Reach {
  readonly path: string;
  readonly status: FileStatus;
}

/**
 * Of these folders, these files and each folder above them, up to the home folder, or to the root where they are elsewhere: who
 * else may write there. Links are followed. Sorted by path; what is not there is left out.
 */
export async function writersAlong(
  host: Host,
  folders: readonly string[],
  files: readonly string[],
): Promise<(Reach & { readonly writers: Writers | undefined })[]> {
  // Whoever may put a file into one of these needs no right to any that is there.
  const closed = new Set(folders);
  const all = new Set<string>();
  await Promise.all(
    [...folders, ...files].map(async (path) => {
      const real = (await host.files.realPath(path)) ?? path;
      if (closed.has(path)) closed.add(real);
      for (const step of [...upwards(path, host.user.home), ...upwards(real, host.user.home)]) all.add(step);
    }),
  );
  const writersOfStatus = await writersOf(host);
  const looked = [...all].sort().map(async (path) => {
    const status = await host.files.status(path);
    // A mask, or a file that is to be empty.
    if (status === undefined || status.kind === "other" || status.kind === "socket") return [];
    const writers = writersOfStatus(status);
    // In a sticky folder others can add, but neither rename nor replace what is not theirs.
    const sticky = status.kind === "folder" && (status.mode & STICKY) !== 0;
    const harmless = writers?.kind !== "owner" && sticky && !closed.has(path);
    return [{ path, status, writers: harmless ? undefined : writers }];
  });
  return (await Promise.all(looked)).flat();
}

/** A path and the folders above it, up to the home folder, or to the root where it is elsewhere. */
function upwards(path: string, home: string): string[] {
  const steps = [path];
  for (let each = path; each !== home && each !== "/"; ) {
    each = dirname(each);
    steps.push(each);
  }
  return steps;
}
