import { dirname, join } from "node:path";
import { reloadManager } from "../adapters/unit-files.ts";
import { bytesAsLetters, parseEnvFile, statements } from "../core/env-file.ts";
import { describeError, FleetError } from "../core/errors.ts";
import { describeResult, succeeded } from "../core/exec.ts";
import { EXIT } from "../core/exit.ts";
import { afterFileError } from "../core/file-error.ts";
import type { Host } from "../core/host.ts";
import { agentOfUnit, LIMITS_DROP_IN } from "../core/names.ts";
import { pathsOf, tilde } from "../core/paths.ts";
import { HIDDEN, looksSecret, redactorFor } from "../core/redact.ts";
import { shellPath, shellWord } from "../core/shell.ts";
import type { Intent } from "./look.ts";

/** Every file of the user's below the site folder, and the limits of agents, which lie in their drop-in folders. */
export async function siteFiles(host: Host): Promise<string[]> {
  const below = async (folder: string): Promise<string[]> => {
    const found: string[] = [];
    for (const name of await host.files.list(folder)) {
      const path = join(folder, name);
      const status = await host.files.status(path);
      if (status?.kind === "folder") found.push(...(await below(path)));
      else found.push(path);
    }
    return found;
  };
  const [settings, limits] = await Promise.all([below(pathsOf(host).site), limitsFiles(host)]);
  return [...settings, ...limits];
}

/**
 * A name that is not UTF-8 is read as another one, by which nothing is found: such a file can neither be kept nor removed here.
 * Throws FleetError (73) where there is one.
 */
export async function mustBeNamed(host: Host, site: readonly string[], { nothing, again }: Intent): Promise<void> {
  const { home } = host.user;
  for (const [index, path] of site.entries()) {
    if (!path.includes("\u{FFFD}")) continue; // what is read for the bytes that are none
    const isItself = site.indexOf(path) === index && (await host.files.status(path)) !== undefined;
    if (isItself) continue;
    throw new FleetError(
      EXIT.cantcreate,
      nothing,
      `your files could not be kept: a name is not UTF-8, in ${tilde(path, home)}`,
      [
        `ls --quoting-style=shell-escape ${shellPath(dirname(path), home)}   # as mv takes it: give it another name`,
        again,
      ],
    );
  }
}

async function limitsFiles(host: Host): Promise<string[]> {
  const { units } = pathsOf(host);
  const agents = (await host.files.list(units)).filter((name) => /\.d$/.test(name) && agentOfUnit(name.slice(0, -2)));
  const paths = agents.map((folder) => join(units, folder, LIMITS_DROP_IN));
  const found = await Promise.all(paths.map((path) => host.files.status(path)));
  return paths.filter((_, index) => found[index] !== undefined);
}

/** A file of the user's as others may see it. */
export interface ShownFile {
  readonly path: string;
  /** undefined where it is no plain file, or longer than a person reads. */
  readonly text: string | undefined;
}

/** The longest file that is shown, in bytes. */
const SHOWN_LIMIT = 1 << 20;

/** What is in these site files, with keys hidden, however systemd lets them be written. */
export async function shownFiles(host: Host, site: readonly string[]): Promise<ShownFile[]> {
  const redactor = redactorFor("");
  const found = await Promise.all(
    site.map(async (path) => {
      const status = await host.files.status(path);
      const shown = status?.kind === "file" && status.size <= SHOWN_LIMIT;
      const bytes = shown ? await host.files.readBytes(path).catch(() => undefined) : undefined;
      if (bytes === undefined) return { path, text: undefined };
      if (!path.endsWith(".env")) return { path, text: textIn(bytes) };
      redactor.learn(Object.fromEntries(parseEnvFile(bytes).map(({ key, value }) => [key, value])));
      return { path, text: textIn(withoutKeys(bytes)) };
    }),
  );
  return found.map(({ path, text }) => ({ path, text: text === undefined ? undefined : redactor.redact(text) }));
}

function textIn(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** An environment file whose secret values are hidden as a whole: one may go on in the next line. */
function withoutKeys(bytes: Uint8Array): Uint8Array {
  const letters = bytesAsLetters(bytes);
  let shown = "";
  let from = 0;
  for (const { kind, key, value, start, end } of statements(letters, 252)) {
    if (kind !== "assignment" || !looksSecret(key, value)) continue;
    shown += `${letters.slice(from, start)}${key}=${HIDDEN}`;
    from = end;
  }
  return Uint8Array.from(shown + letters.slice(from), (letter) => letter.charCodeAt(0));
}

/**
 * A tar of these site files in the home folder, for their user alone: they may hold keys. Under its name it is there
 * whole, and it holds what is on the disk. Throws FleetError (73).
 */
export async function keepArchive(host: Host, site: readonly string[], { nothing, again }: Intent): Promise<string> {
  const { config } = pathsOf(host);
  const stamp = host.date().toISOString().slice(0, 19).replace(/\D/g, "");
  const archive = join(host.user.home, `mosaic-fleet-site-${stamp}-${crypto.randomUUID().slice(0, 4)}.tar`);
  // As writeAtomic names it, so that the next run clears what is left of one that was killed.
  const temporary = join(dirname(archive), `.mosaic-${crypto.randomUUID().slice(0, 8)}.tmp`);
  const kinds = await Promise.all(site.map(async (path) => (await host.files.status(path))?.kind));
  // A socket has nothing in it to be kept, and tar takes none.
  const names = site.flatMap((path, index) =>
    kinds[index] === "socket" ? [] : [`${path.slice(config.length + 1)}\0`],
  );
  // Through stdin they are taken as they are, however many.
  const [list, options] = [
    ["--no-recursion", "--null", "--files-from=-"],
    { input: names.join(""), env: { TAR_OPTIONS: undefined }, timeoutMs: 60_000 },
  ];
  try {
    await host.files.writeAtomic(temporary, "", 0o600); // tar keeps the mode of a file that is there
    for (const mode of ["-cf", "-df"]) {
      const result = await host.exec(["tar", "-C", config, mode, temporary, ...list], options);
      if (!succeeded(result))
        throw new FleetError(EXIT.cantcreate, nothing, `your files could not be kept: ${describeResult(result)}`, [
          `df -h ${shellWord(host.user.home)}   # is there room for an archive of them?`,
          again,
        ]);
    }
    await host.files.sync(temporary);
    await host.files.rename(temporary, archive);
    await host.files.sync(dirname(archive));
    return archive;
  } catch (error) {
    await host.files.removeFile(temporary).catch(() => undefined);
    if (error instanceof FleetError) throw error;
    const next = afterFileError(error, host.user.home, again);
    throw new FleetError(EXIT.cantcreate, nothing, `your files could not be kept: ${describeError(error)}`, next);
  }
}

/**
 * Removes these site files, and the folders that are empty then: theirs, and those that install had made. Says why systemd does
 * not know it, where it does not (71).
 */
export async function removeSite(
  host: Host,
  site: readonly string[],
  made: readonly string[],
): Promise<FleetError | undefined> {
  const { site: root, agents } = pathsOf(host);
  for (const path of site) await host.files.removeFile(path);
  const folders = new Set([...made, agents, root, dirname(root)]);
  const limits = site.filter((path) => !path.startsWith(`${root}/`));
  for (const path of limits) folders.add(dirname(path));
  for (const path of site)
    for (let folder = dirname(path); folder.startsWith(`${root}/`); folder = dirname(folder)) folders.add(folder);
  for (const folder of [...folders].sort().reverse()) await host.files.removeEmptyFolder(folder);
  if (limits.length === 0) return undefined;
  const reloaded = await reloadManager(host);
  if (succeeded(reloaded)) return undefined;
  return new FleetError(EXIT.oserr, "Removed, but systemd does not know it", describeResult(reloaded), [
    "systemctl --user daemon-reload",
  ]);
}
