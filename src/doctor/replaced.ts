import { compareVersions } from "../core/versions.ts";
import type { Tools } from "./tools.ts";

/**
 * The version whose layout has taken the place of this version's: by a rollback, or because this is an older program than
 * that which has laid it out. Somebody has wanted that, so it is theirs to undo. undefined where it is not so.
 */
export async function replacedBy(tools: Tools): Promise<string | undefined> {
  const [receipt, { steps }] = await Promise.all([tools.receipt(), tools.plan()]);
  if (receipt === undefined || receipt === "unreadable" || receipt.phase === "applying") return undefined;
  const before = new Map(receipt.previous?.files.map(({ path, sha256 }) => [path, sha256]));
  const now = new Map(receipt.files.map(({ path, sha256 }) => [path, sha256]));
  const ours = steps.flatMap(({ action }) =>
    action.kind === "write-file" && (before.has(action.path) || now.has(action.path)) ? [action] : [],
  );
  const same = (files: ReadonlyMap<string, string>) => ours.every(({ path, sha256 }) => files.get(path) === sha256);
  const laidOut = same(now) && now.size === ours.length;
  // The receipt knows one layout before its own: further back only a newer version tells that this one was left behind.
  const left = same(before) || (!same(now) && compareVersions(receipt.version, tools.version) > 0);
  return ours.length > 0 && left && !laidOut ? receipt.version : undefined;
}
