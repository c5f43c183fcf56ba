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
