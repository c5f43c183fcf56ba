import { join } from "node:path";
import { FleetError } from "../core/errors.ts";
import { describeResult, succeeded } from "../core/exec.ts";
import { EXIT } from "../core/exit.ts";
import { fileErrorIn } from "../core/file-error.ts";
import type { Host } from "../core/host.ts";
import { signatureProblem } from "../core/minisign.ts";
import { compareVersions, VERSION } from "../core/versions.ts";
import { afterStagingError, type Source } from "./source.ts";

/** The newest binary for a target that a release lists. */
export interface Offer {
  readonly version: string;
  readonly name: string;
  readonly sha256: string;
  /** Of NAME.xz, where there is one. */
  readonly packedSha256: string | undefined;
}

const LIST = "SHA256SUMS";
const LIST_LIMIT = 1 << 20;
const SIGNATURE_LIMIT = 1 << 16;
/** No binary has a fifth of it. */
const BINARY_LIMIT = 512 << 20;

/**
 * Fetches the list of sums into a folder, checks its signature where a key is known, and says what it has for a target.
 * With a key there is no way around the signature.
 */
export async function readOffer(
  host: Host,
  source: Source,
  staging: string,
  { target, publicKey }: { readonly target: string; readonly publicKey: string },
): Promise<Offer> {
  const list = join(staging, LIST);
  await source.fetch(LIST, list, LIST_LIMIT);
  const bytes = (await host.files.readBytes(list)) ?? new Uint8Array();
  if (publicKey !== "") {
    const signature = join(staging, `${LIST}.minisig`);
    await source.fetch(`${LIST}.minisig`, signature, SIGNATURE_LIMIT);
    const problem = signatureProblem(publicKey, (await host.files.read(signature)) ?? "", bytes);
    if (problem !== undefined)
      throw new FleetError(EXIT.dataerr, `The signature of the release at ${source.where} is wrong`, problem, [
        "# nothing was changed: do not use these files, and tell whom you have them from",
      ]);
  }
  const sums = sumsIn(new TextDecoder().decode(bytes), source.where);
  const offers = offersIn(sums, target);
  const offer = offers.at(-1);
  if (offer === undefined)
    throw new FleetError(
      EXIT.unavailable,
      `There is no mosaic-fleet for ${target} at ${source.where}`,
      `${LIST} lists none`,
      [`mosaic-fleet self-update --from URL|DIR   # where the files of a release are`],
    );
  return offer;
}

/** A list of sums by name, whichever way its lines end. Throws FleetError where one name has two. */
function sumsIn(list: string, where: string): ReadonlyMap<string, string> {
  const sums = new Map<string, string>();
  for (const [, sum = "", name = ""] of list.matchAll(/^([0-9a-f]{64}) [ *](\S+)\r?$/gm)) {
    if ((sums.get(name) ?? sum) !== sum)
      throw new FleetError(
        EXIT.dataerr,
        `The release at ${where} is not to be believed`,
        `${LIST} has two sums for ${name}`,
        ["mosaic-fleet self-update --from URL|DIR   # from another place"],
      );
    sums.set(name, sum);
  }
  return sums;
}

/** The binaries for a target among these, the newest last. */
function offersIn(sums: ReadonlyMap<string, string>, target: string): Offer[] {
  return [...sums]
    .flatMap(([name, sha256]) => {
      const version =
        name.startsWith("mosaic-fleet-") && name.endsWith(`-${target}`) ? name.slice(13, -target.length - 1) : "";
      return VERSION.test(version) ? [{ version, name, sha256, packedSha256: sums.get(`${name}.xz`) }] : [];
    })
    .sort((a, b) => compareVersions(a.version, b.version));
}

/** Fetches the binary into a folder, packed where xz is here; what is returned has the listed sum. */
export async function fetchBinary(
  host: Host,
  source: Source,
  staging: string,
  offer: Offer,
  onProgress?: (bytes: number, total?: number) => void,
): Promise<string> {
  const plain = join(staging, offer.name);
  const canUnpack = offer.packedSha256 !== undefined && succeeded(await host.exec(["xz", "--version"]));
  if (!canUnpack) {
    const { sha256 } = await source.fetch(offer.name, plain, BINARY_LIMIT, onProgress);
    mustBe(offer.name, sha256, offer.sha256);
    return plain;
  }
  const name = `${offer.name}.xz`;
  const packed = join(staging, name);
  const { sha256 } = await source.fetch(name, packed, BINARY_LIMIT, onProgress);
  mustBe(name, sha256, offer.packedSha256 ?? "");
  const unpacked = await host.exec(["xz", "--decompress", "--keep", packed], {
    env: { XZ_OPT: undefined, XZ_DEFAULTS: undefined }, // options for packing do not matter here
    timeoutMs: 300_000,
    cancelled: host.interrupted,
  });
  if (!succeeded(unpacked))
    throw new FleetError(
      EXIT.cantcreate,
      `Cannot unpack ${name}`,
      describeResult(unpacked),
      afterStagingError(fileErrorIn(unpacked.stderr), packed),
    );
  return plain;
}

export function mustBe(name: string, found: string, wanted: string): void {
  if (found === wanted) return;
  throw new FleetError(
    EXIT.dataerr,
    `${name} is not what the release has under that name`,
    `its SHA-256 is ${found}, the release's is ${wanted}`,
    ["mosaic-fleet self-update   # again; or from another place, with --from"],
  );
}
