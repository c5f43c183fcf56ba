import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { DownloadError, download } from "../adapters/download.ts";
import { describeError, FleetError } from "../core/errors.ts";
import { EXIT, type ExitCode, exitOfInterrupt } from "../core/exit.ts";
import { afterFileError } from "../core/file-error.ts";
import type { Host } from "../core/host.ts";
import { shellWord } from "../core/shell.ts";

/** What is known of a file that was fetched: the SHA-256 of what came. */
export interface Fetched {
  readonly sha256: string;
}

/** Where the files of a release are. */
export interface Source {
  /** As a person reads it. */
  readonly where: string;
  /** A file of the release into a file that was not there; `limit` in bytes. Throws FleetError. */
  fetch(
    name: string,
    to: string,
    limit: number,
    onProgress?: (bytes: number, total?: number) => void,
  ): Promise<Fetched>;
}

export interface SourceOptions {
  /** Whether what comes is held against a signature: then it matters less whose way it came. */
  readonly signed: boolean;
  readonly stallMs: number;
}

/** A folder, or an address. Throws FleetError where it could not be believed. */
export function sourceOf(host: Host, from: string, options: SourceOptions): Source {
  return /^https?:\/\//.test(from) ? serverOf(host, from.replace(/\/+$/, ""), options) : folderOf(host, from);
}

function folderOf(host: Host, folder: string): Source {
  return {
    where: folder,
    async fetch(name, to, limit) {
      const path = join(folder, name);
      const status = await host.files.status(path).catch(() => undefined);
      if (status?.kind !== "file")
        throw new FleetError(
          EXIT.unavailable,
          `There is no ${name} in ${folder}`,
          "the files of a release belong there",
          [`ls -- ${shellWord(folder)}`],
        );
      if (status.size > limit) throw tooLarge(path, limit);
      return written(host, to, read(host, path));
    },
  };
}

async function* read(host: Host, path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* host.files.chunks(path);
  } catch (error) {
    throw new FleetError(EXIT.unavailable, `Cannot read ${path}`, describeError(error), afterFileError(error, path));
  }
}

function tooLarge(what: string, limit: number): FleetError {
  return new FleetError(EXIT.dataerr, `${what} is no part of a release`, `it is larger than ${limit} bytes`, [
    "mosaic-fleet self-update --from URL|DIR   # where the files of a release are",
  ]);
}

/** What nobody on the way can change: https, or what never leaves this machine. */
function isSafe(url: URL): boolean {
  return url.protocol === "https:" || /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
}

/** What a URL may have before its @ (RFC 3986, 3.2.1): anything else some reader takes for the end of it, and shows the rest. */
const USERINFO = /^[\w.~!$&'()*+,;=:%-]*$/;

function isReadable(address: string): boolean {
  const userinfo = /^https?:\/\/([^/?#\\]*)@/.exec(address)?.[1] ?? "";
  return URL.canParse(address) && USERINFO.test(userinfo);
}

/** As it can be shown: a mirror may take a name and a password in its address. */
function withoutPassword(text: string): string {
  return text.replace(/(https?:\/\/)[^/\s"]*@/gi, "$1");
}

function serverOf(host: Host, address: string, { signed, stallMs }: SourceOptions): Source {
  const where = withoutPassword(address);
  const isPlain = address.startsWith("http:");
  const allowed = (url: URL) => isSafe(url) || (signed && isPlain && url.protocol === "http:");
  if (!isReadable(address))
    // What cannot be read cannot be told apart from its password either.
    throw new FleetError(EXIT.usage, "What was given is no address", "it cannot be read as one", [
      "# in a password, / is written as %2F, @ as %40, : as %3A, and so is every other sign that a URL has no place for",
    ]);
  if (!allowed(new URL(address)))
    throw new FleetError(
      EXIT.unavailable,
      `It could not be known whether what comes from ${where} is genuine`,
      "http proves nothing, and this binary knows no key to check a signature with",
      ["mosaic-fleet self-update --from https://…", "mosaic-fleet self-update --from DIR"],
    );
  return {
    where,
    async fetch(name, to, limit, onProgress) {
      const options = { allowed, limit, stallMs, cancelled: host.interrupted, ...(onProgress ? { onProgress } : {}) };
      try {
        return await written(host, to, download(host, `${address}/${name}`, options));
      } catch (error) {
        if (!(error instanceof DownloadError)) throw error;
        const exits: Readonly<Record<string, ExitCode>> = {
          interrupted: exitOfInterrupt(host.interrupted.reason),
          "too-large": EXIT.dataerr,
        };
        const url = `${where}/${name}`;
        throw new FleetError(
          exits[error.kind] ?? EXIT.unavailable,
          `Cannot download ${url}`,
          withoutPassword(error.message),
          [
            `curl -fI ${shellWord(url)}   # is it there?`,
            "mosaic-fleet self-update --from URL|DIR   # from another place",
          ],
        );
      }
    },
  };
}

async function written(host: Host, to: string, chunks: AsyncIterable<Uint8Array>): Promise<Fetched> {
  const hash = createHash("sha256");
  async function* hashed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
  }
  try {
    await host.files.writeNew(to, hashed(), 0o600);
  } catch (error) {
    if (error instanceof DownloadError || error instanceof FleetError) throw error;
    throw new FleetError(EXIT.cantcreate, `Cannot write ${to}`, describeError(error), afterStagingError(error, to));
  }
  return { sha256: hash.digest("hex") };
}

/** What to type when a file in the staging folder was refused. That is gone by then: the folder around it is looked at. */
export function afterStagingError(error: unknown, file: string): string[] {
  const { code } = error as { code?: string };
  return afterFileError({ code }, dirname(dirname(file)), "mosaic-fleet self-update   # again");
}

/** The SHA-256 of a file that is there. */
export async function sha256Of(host: Pick<Host, "files">, path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of host.files.chunks(path)) hash.update(chunk);
  return hash.digest("hex");
}
