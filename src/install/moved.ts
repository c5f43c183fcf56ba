import { basename, dirname } from "node:path";
import type { Host } from "../core/host.ts";
import { HOLDER_UNIT } from "../core/names.ts";
import { pathsOf } from "../core/paths.ts";
import { type Receipt, readReceipt } from "./receipt.ts";

/** The receipt of this home, as readReceipt() reads it, with each path as it is called here and now. */
export async function receiptHere(host: Pick<Host, "env" | "files" | "user">): ReturnType<typeof readReceipt> {
  const receipt = await readReceipt(host, pathsOf(host).receipt);
  return typeof receipt === "object" ? asHere(host, receipt) : receipt;
}

/**
 * A home or config folder may have another name since (a link), and a home may have been moved or copied with its receipt:
 * what that says of the files there is said of those here. A config folder in this home that is another one is left as it is:
 * what lies there is ours.
 */
async function asHere(host: Pick<Host, "env" | "files" | "user">, receipt: Receipt): Promise<Receipt> {
  const { files, user } = host;
  const { config } = pathsOf(host);
  const holder = receipt.files.find(({ path }) => basename(path) === HOLDER_UNIT);
  if (holder === undefined) return receipt;
  const recorded = dirname(dirname(dirname(holder.path)));
  if (recorded === config) return receipt;
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
  const { seeded, previous } = receipt;
  return {
    ...receipt,
    files: filesHere(receipt.files),
    folders: receipt.folders.map(here),
    ...(seeded === undefined ? {} : { seeded: { ...seeded, path: here(seeded.path) } }),
    previous: previous && { ...previous, files: filesHere(previous.files) },
  };
}
