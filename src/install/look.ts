import { ownerOf } from "../adapters/files.ts";
import { managerProblem, systemdOf } from "../adapters/systemd.ts";
import { FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { pathsOf } from "../core/paths.ts";
import { moveAside } from "../core/shell.ts";
import type { Found } from "./plan.ts";
import { type Receipt, readReceipt } from "./receipt.ts";
import { sha256 } from "./sum.ts";

/** What a command was about to do, for its errors: "Nothing was installed", "mosaic-fleet install". */
export interface Intent {
  readonly nothing: string;
  readonly again: string;
}

/** The manager's version. Throws FleetError (69) where it cannot be reached, or is another user's. */
export async function reachManager(host: Host, { nothing, again }: Intent): Promise<string> {
  const answer = await systemdOf(host).managerVersion();
  const problem = await managerProblem(host, answer);
  if (problem !== undefined)
    throw new FleetError(EXIT.unavailable, `${nothing}: the user manager cannot be reached`, problem.cause, [
      ...problem.remedy,
      again,
    ]);
  const { uid } = host.user;
  // Root with another user's variables (sudo -E) would leave root's files in that user's home.
  for (const folder of [pathsOf(host).runtime, host.user.home]) {
    const owner = folder === undefined ? undefined : await ownerOf(folder);
    if (owner === undefined || owner === uid) continue;
    throw new FleetError(
      EXIT.unavailable,
      `${nothing}: this is another user's session`,
      `${folder} belongs to uid ${owner}, and this runs as uid ${uid}; run it as that user, without sudo`,
      [again],
    );
  }
  return answer.stdout;
}

/** What was installed; undefined when nothing was. Throws FleetError (78) when that cannot be read. */
export async function recordedLayout(host: Host, { nothing, again }: Intent): Promise<Receipt | undefined> {
  const { receipt } = pathsOf(host);
  const recorded = await readReceipt(host, receipt);
  if (recorded !== "unreadable") return recorded;
  throw new FleetError(EXIT.config, nothing, `the receipt ${receipt} cannot be read by this version`, [
    moveAside(receipt, "unreadable"),
    again,
  ]);
}

/** What is at each of these paths. */
export async function lookAt(host: Host, paths: readonly string[]): Promise<ReadonlyMap<string, Found>> {
  const found = new Map<string, Found>();
  await Promise.all(
    paths.map(async (path) => {
      const status = await host.files.status(path);
      const text = status?.kind === "file" ? await host.files.read(path) : undefined;
      found.set(path, { status, text, sha256: text === undefined ? undefined : sha256(text) });
    }),
  );
  return found;
}
