import { basename, dirname, join } from "node:path";
import { lingerMark } from "../adapters/logind.ts";
import { sha256 } from "../adapters/sum.ts";
import { READ_LIMIT_MS } from "../adapters/systemd.ts";
import { describeError, FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import { afterFileError } from "../core/file-error.ts";
import type { Host } from "../core/host.ts";
import { HOLDER_UNIT } from "../core/names.ts";
import { pathsOf } from "../core/paths.ts";
import { moveAside, shellPath } from "../core/shell.ts";
import type { Step } from "./action.ts";
import type { Found } from "./judge.ts";
import { receiptHere } from "./moved.ts";
import { laterWriter, type Receipt } from "./receipt.ts";
import { cutOff } from "./receipt-run.ts";

/** What a command was about to do, for its errors: "install", "Nothing was installed", "mosaic-fleet install". */
export interface Intent {
  readonly command: "install" | "rollback" | "uninstall";
  readonly nothing: string;
  readonly again: string;
}

/** Where systemd makes the link by which the holder starts at boot. */
export function bootLinkOf(host: Pick<Host, "env" | "user">): string {
  return join(pathsOf(host).units, "default.target.wants", HOLDER_UNIT);
}

/** The links by which the user's units start with something else. systemctl lists no instances of a template. */
export async function startLinks(host: Host): Promise<string[]> {
  const { units } = pathsOf(host);
  const folders = (await host.files.list(units)).filter((name) => /\.(wants|requires)$/.test(name));
  const links = folders.map(async (name) => {
    const folder = join(units, name);
    return (await host.files.list(folder).catch(() => [])).map((unit) => join(folder, unit));
  });
  return (await Promise.all(links)).flat();
}

/** Those of the holder beside the boot link: the user's (systemctl add-wants), all of which a `disable` would take. */
export async function otherStartLinks(host: Host): Promise<string[]> {
  const boot = bootLinkOf(host);
  return (await startLinks(host)).filter((path) => basename(path) === HOLDER_UNIT && path !== boot);
}

/** What was installed; undefined when nothing was. Throws FleetError (78) when that cannot be read. */
export async function recordedLayout(host: Host, { nothing, again }: Intent): Promise<Receipt | undefined> {
  const { receipt } = pathsOf(host);
  const recorded = await receiptHere(host).catch((error) => ({
    problem: describeError(error),
    refused: afterFileError(error, receipt, again),
  }));
  if (recorded === undefined) return recorded;
  if (recorded !== "unreadable" && !("problem" in recorded)) return withoutTheUsers(host, recorded);
  const later = recorded === "unreadable" ? await laterWriter(host, receipt) : undefined;
  if (later !== undefined)
    throw new FleetError(EXIT.config, nothing, `version ${later} laid it out, and this one cannot read its receipt`, [
      "mosaic-fleet self-update   # this binary is the older one",
      again,
    ]);
  const why = recorded === "unreadable" ? "by this version" : `(${recorded.problem})`;
  // What may only not be read is not to be given up.
  const refused = recorded === "unreadable" ? [] : recorded.refused;
  const next = refused.length > 1 ? refused : [moveAside(receipt, "unreadable"), again];
  throw new FleetError(EXIT.config, nothing, `the receipt ${receipt} cannot be read ${why}`, next);
}

/**
 * A receipt without what is younger: the user has turned that on anew. A run notes in it that something is turned on once it is;
 * one that was cut off just then may have had it done by the manager, or by logind, a little later. Where every file is younger
 * than the receipt all of it was copied without its times, and those of a link tell nothing.
 */
async function withoutTheUsers(host: Host, recorded: Receipt): Promise<Receipt> {
  const { receipt } = pathsOf(host);
  const noted = (await host.files.status(receipt))?.changed ?? Number.POSITIVE_INFINITY;
  const last = cutOff(recorded);
  const isYounger = async (kind: "enable" | "linger", mark: string) => {
    const late = last?.action?.kind === kind && !last.done ? READ_LIMIT_MS : 0;
    return ((await host.files.status(mark).catch(() => undefined))?.modified ?? 0) > noted + late;
  };
  const isCopied = async () => {
    const found = await Promise.all(recorded.files.map(({ path }) => host.files.status(path).catch(() => undefined)));
    return found.every((status) => status === undefined || status.modified > noted);
  };
  const [link, mark] = await Promise.all([
    isYounger("enable", bootLinkOf(host)).then(async (younger) => younger && !(await isCopied())),
    isYounger("linger", lingerMark(host.user.name)),
  ]);
  return {
    ...recorded,
    enabled: link ? recorded.enabled.filter((unit) => unit !== HOLDER_UNIT) : recorded.enabled,
    linger: recorded.linger && !mark,
  };
}

/** Whether what systemd calls enabled starts at boot: another start, which the user has added, is called so, too. */
export async function startsAtBoot(host: Host): Promise<boolean> {
  return (await host.files.status(bootLinkOf(host))) !== undefined || (await otherStartLinks(host)).length === 0;
}

/** A conflict where the folder of the boot link is a link itself: systemd makes a link through it, and then sees and removes none there. */
export async function bootFolderInTheWay(host: Host): Promise<Step[]> {
  const path = dirname(bootLinkOf(host));
  if ((await host.files.status(path))?.kind !== "link") return [];
  const [typed, made] = [path, `${path}.new`].map((each) => shellPath(each, host.user.home));
  const why = "this folder is a link: systemd makes links through it, and removes none";
  const next = `cp -a ${typed}/. ${made} && rm ${typed} && mv ${made} ${typed}   # a folder with what it leads to`;
  return [{ action: { kind: "make-folder", path }, change: "conflict", why, next }];
}

/** What is at each of these paths. */
export async function lookAt(host: Host, paths: readonly string[]): Promise<ReadonlyMap<string, Found>> {
  const found = new Map<string, Found>();
  await Promise.all(
    paths.map(async (path) => {
      const status = await host.files.status(path);
      // What cannot be read has no content that could be ours.
      const bytes = status?.kind === "file" ? await host.files.readBytes(path).catch(() => undefined) : undefined;
      const content =
        bytes === undefined
          ? { text: undefined, sha256: undefined }
          : { text: new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes), sha256: sha256(bytes) };
      found.set(path, { status, ...content });
    }),
  );
  return found;
}

/** Those of these folders that a link takes out of the home and config folders, or to nowhere; and which link. */
export async function leadingOut(host: Host, folders: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const roots = await Promise.all([host.user.home, pathsOf(host).config].map((root) => resolved(host, root)));
  const out = new Map<string, string>();
  await Promise.all(
    folders.map(async (folder) => {
      const real = await resolved(host, folder);
      if (!roots.some((root) => root !== undefined && real?.startsWith(`${root}/`)))
        out.set(folder, await linkAbove(host, folder));
    }),
  );
  return out;
}

async function linkAbove(host: Host, folder: string): Promise<string> {
  for (let path = folder; dirname(path) !== path; path = dirname(path))
    if ((await host.files.status(path))?.kind === "link") return path;
  return folder;
}

/** A path without links, whether or not its end is there; undefined when a link in it leads nowhere. */
async function resolved(host: Host, path: string): Promise<string | undefined> {
  const real = await host.files.realPath(path);
  if (real !== undefined || dirname(path) === path) return real;
  if ((await host.files.status(path))?.kind === "link") return undefined;
  const parent = await resolved(host, dirname(path));
  return parent === undefined ? undefined : join(parent, basename(path));
}
