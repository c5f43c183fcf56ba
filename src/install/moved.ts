import { basename, dirname, resolve } from "node:path";
import type { Host } from "../core/host.ts";
import { HOLDER_UNIT } from "../core/names.ts";
import { pathsOf } from "../core/paths.ts";
import type { NamedAction } from "./action.ts";
import { type Receipt, readReceipt } from "./receipt.ts";

/**
 * The receipt of this home, as readReceipt() reads it, with each path as it is called here and now. One that names what install
 * never writes is "unreadable": nothing out of the config folder is removed or replaced because a receipt says so.
 */
export async function receiptHere(host: Pick<Host, "env" | "files" | "user">): ReturnType<typeof readReceipt> {
  const receipt = await readReceipt(host, pathsOf(host).receipt);
  if (typeof receipt !== "object") return receipt;
  const files = [...receipt.files, ...(receipt.previous?.files ?? [])];
  const roots = [pathsOf(host).config, ...rootsOf(files)];
  const isOurs = [...files, ...(receipt.seeded ? [receipt.seeded] : [])].every(
    ({ path }) => path === resolve(path) && roots.some((root) => path.startsWith(`${root}/`)),
  );
  return isOurs && receipt.folders.every((path) => path === resolve(path)) ? asHere(host, receipt) : "unreadable";
}

/** The config folders that these files are in: two, where one took the place of another. */
function rootsOf(files: Receipt["files"]): string[] {
  const end = `/systemd/user/${HOLDER_UNIT}`;
  return files.flatMap(({ path }) => (path.endsWith(end) ? [path.slice(0, -end.length)] : []));
}

/**
 * A home or config folder may have another name since (a link), and a home may have been moved or copied with its receipt:
 * what that says of the files there is said of those here. A config folder in this home that is another one is left as it is:
 * what lies there is ours.
 */
async function asHere(host: Pick<Host, "env" | "files" | "user">, receipt: Receipt): Promise<Receipt> {
  const { files, user } = host;
  const { config } = pathsOf(host);
  const [recorded] = rootsOf(receipt.files);
  if (recorded === undefined || recorded === config) return receipt;
  const roots = [[recorded, config] as const];
  if (basename(recorded) === ".config") roots.push([dirname(recorded), user.home]);
  const here = (path: string): string => {
    const [old, now] = roots.find(([root]) => path === root || path.startsWith(`${root}/`)) ?? ["", ""];
    return `${now}${path.slice(old.length)}`;
  };
  const areHere = async () => {
    const found = await Promise.all(receipt.files.map(({ path }) => files.status(here(path))));
    return found.some((status) => status !== undefined);
  };
  const isAlias = await files.samePlace(recorded, config);
  if (!isAlias && (recorded.startsWith(`${user.home}/`) || !(await areHere()))) return receipt;
  const filesHere = (recorded: Receipt["files"]) => recorded.map((file) => ({ ...file, path: here(file.path) }));
  const { run, seeded, previous } = receipt;
  const actionHere = <T extends NamedAction>({ path, to, ...action }: T) => ({
    ...action,
    ...(path === undefined ? {} : { path: here(path) }),
    ...(to === undefined ? {} : { to: here(to) }),
  });
  return {
    ...receipt,
    files: filesHere(receipt.files),
    folders: receipt.folders.map(here),
    ...(run === undefined ? {} : { run: { ...run, actions: run.actions.map(actionHere) } }),
    ...(seeded === undefined ? {} : { seeded: { ...seeded, path: here(seeded.path) } }),
    previous: previous && { ...previous, files: filesHere(previous.files) },
  };
}
