import { join } from "node:path";
import { FleetError } from "../core/errors.ts";
import { type CanaryVerdict, EXIT, exitOfInterrupt } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { pathsOf } from "../core/paths.ts";
import { shellPath } from "../core/shell.ts";
import { compareVersions } from "../core/versions.ts";
import { hasPrevious, type Place, placeOf } from "./place.ts";
import { compareCanaries, compareDoctors, versionOf } from "./prove.ts";
import { fetchBinary, mustBe, type Offer, readOffer } from "./release.ts";
import { sha256Of, sourceOf } from "./source.ts";
import { putInPlace, withStaging } from "./swap.ts";
import { targetOf } from "./target.ts";

/** What scripts/release writes into a binary: where newer ones are, and the key that signs them; empty for none. */
export interface Origin {
  readonly address: string;
  readonly publicKey: string;
}

export interface UpdateOptions {
  /** The version that runs. */
  readonly version: string;
  readonly origin: Origin;
  /** A folder or an address, instead of the origin's. */
  readonly from?: string | undefined;
  /** Look only. */
  readonly dryRun?: boolean;
  readonly allowDowngrade?: boolean;
  readonly requireSignature?: boolean;
  readonly doctor?: boolean;
  readonly canary?: boolean;
  /** A download is given up when next to nothing comes for so long, in milliseconds. */
  readonly stallMs: number;
  onEvent?(event: UpdateEvent): void;
}

export type UpdateEvent =
  | { readonly kind: "fetching"; readonly what: string }
  | { readonly kind: "progress"; readonly bytes: number; readonly total: number | undefined }
  | { readonly kind: "verified"; readonly signature: boolean }
  | { readonly kind: "proving"; readonly what: "doctor" | "canary" };

/** What a self-update came to. */
export interface Updated {
  /** same: the bytes are those of the release. other: the version is, the bytes are not. */
  readonly change: "same" | "update" | "downgrade" | "other";
  readonly applied: boolean;
  readonly current: string;
  readonly offered: string;
  readonly target: string;
  readonly from: string;
  readonly sha256: string;
  /** Whether a signature by the key that this binary knows was checked. */
  readonly signed: boolean;
  readonly place: string;
  /** Where the binary from before is. */
  readonly previous: string | null;
  readonly doctor: string | null;
  readonly canary: CanaryVerdict | null;
  /** Whether a layout is there, which is still of the version before. */
  readonly layout: boolean;
}

/**
 * Brings the binary that runs up to date with a release: verifies, has the new one prove itself beside it, and only then
 * puts it in its place, in one step. Throws FleetError, and then the binary is as it was.
 */
export async function selfUpdate(host: Host, options: UpdateOptions): Promise<Updated> {
  const { version, origin, onEvent } = options;
  const place = await placeOf(host);
  if (place.runsPrevious)
    throw new FleetError(EXIT.usage, "This is the binary from before an update", "it is kept to go back to", [
      `${shellPath(host.executable, host.user.home)} self-update --rollback`,
    ]);
  if (options.requireSignature && origin.publicKey === "")
    throw new FleetError(EXIT.dataerr, "There is no signature to check", "this binary was made without a key", [
      "mosaic-fleet self-update   # goes by the SHA-256 sums that come with the release",
    ]);
  const from = options.from ?? origin.address;
  if (from === "")
    throw new FleetError(
      EXIT.usage,
      "It is not known where newer versions are",
      "this binary was made without an address",
      ["mosaic-fleet self-update --from https://…   # where the files of a release are, or a folder"],
    );
  await hasPrevious(host, place); // what else is in its place is found before anything is fetched
  const target = await targetOf(host);
  const source = sourceOf(host, from, { signed: origin.publicKey !== "", stallMs: options.stallMs });
  const before = await host.files.status(place.path);
  return withStaging(host, place, async (staging) => {
    const offer = await readOffer(host, source, staging, { target, publicKey: origin.publicKey });
    const change = await changeOf(host, place, version, offer);
    const found: Updated = {
      change,
      applied: false,
      current: version,
      offered: offer.version,
      target,
      from: source.where,
      sha256: offer.sha256,
      signed: origin.publicKey !== "",
      place: place.path,
      previous: null,
      doctor: null,
      canary: null,
      layout: (await host.files.status(pathsOf(host).receipt)) !== undefined,
    };
    if (change === "same" || options.dryRun) return found;
    if (change === "downgrade" && !options.allowDowngrade)
      throw new FleetError(EXIT.unavailable, "Nothing was changed", `${offer.version} is older than ${version}`, [
        "mosaic-fleet self-update --allow-downgrade",
      ]);
    if (before !== undefined) await mustBeWhatRuns(host, place, version);
    onEvent?.({ kind: "fetching", what: `${source.where}/${offer.name}` });
    const binary = await fetchBinary(host, source, staging, offer, (bytes, total) =>
      onEvent?.({ kind: "progress", bytes, total }),
    );
    mustBe(offer.name, await sha256Of(host, binary), offer.sha256);
    onEvent?.({ kind: "verified", signature: found.signed });
    const fresh = join(staging, "mosaic-fleet");
    await host.files.rename(binary, fresh);
    await host.files.chmod(fresh, (before?.mode ?? 0o755) & 0o777);
    await host.files.sync(fresh);
    await versionOf(host, fresh, offer.version);
    const proved = await prove(host, place, fresh, options);
    mustNotBeInterrupted(host);
    const now = await host.files.status(place.path);
    if (now?.modified !== before?.modified || now?.size !== before?.size) throw replacedMeanwhile(place);
    await putInPlace(
      host,
      place,
      { fresh, staging },
      async () => void (await versionOf(host, place.path, offer.version)),
    );
    return { ...found, ...proved, applied: true, previous: place.previous };
  });
}

/** Another self-update may have ended between our start and our turn: what it put there is not what would be kept as ours. */
async function mustBeWhatRuns(host: Host, place: Place, version: string): Promise<void> {
  const there = await versionOf(host, place.path).catch(() => version); // what does not run may be replaced
  if (there !== version) throw replacedMeanwhile(place);
}

function replacedMeanwhile({ path }: Place): FleetError {
  return new FleetError(EXIT.unavailable, "Nothing was changed", `${path} was replaced meanwhile`, [
    "mosaic-fleet self-update   # again",
  ]);
}

async function changeOf(host: Host, place: Place, version: string, offer: Offer): Promise<Updated["change"]> {
  const order = compareVersions(offer.version, version);
  if (order !== 0) return order > 0 ? "update" : "downgrade";
  return (await sha256Of(host, place.path)) === offer.sha256 ? "same" : "other";
}

async function prove(
  host: Host,
  { path }: Place,
  fresh: string,
  { doctor, canary, onEvent }: UpdateOptions,
): Promise<Pick<Updated, "doctor" | "canary">> {
  if (doctor) onEvent?.({ kind: "proving", what: "doctor" });
  const looked = doctor ? await compareDoctors(host, path, fresh) : undefined;
  if (canary) onEvent?.({ kind: "proving", what: "canary" });
  return { doctor: looked?.verdict ?? null, canary: canary ? await compareCanaries(host, path, fresh) : null };
}

function mustNotBeInterrupted(host: Host): void {
  if (host.interrupted.aborted)
    throw new FleetError(
      exitOfInterrupt(host.interrupted.reason),
      "Nothing was changed",
      `interrupted by ${host.interrupted.reason}`,
      ["mosaic-fleet self-update   # again"],
    );
}

/** What a step back came to; `from` is null where what was in the place does not run. */
export interface WentBack {
  readonly from: string | null;
  readonly to: string;
  readonly place: string;
  readonly previous: string;
  readonly layout: boolean;
}

/** Puts the binary from before back in its place, and the one from there beside it: twice is back again. */
export async function goBack(host: Host): Promise<WentBack> {
  const place = await placeOf(host);
  return withStaging(host, place, async (staging) => {
    if (!(await hasPrevious(host, place)))
      throw new FleetError(EXIT.unavailable, "There is no binary to go back to", `${place.previous} is not there`, [
        "mosaic-fleet self-update --from URL|DIR --allow-downgrade   # an older release",
      ]);
    if (await host.files.samePlace(place.previous, place.path))
      throw new FleetError(
        EXIT.unavailable,
        "There is no binary to go back to",
        "the one kept is the one in its place",
        ["mosaic-fleet self-update --from URL|DIR --allow-downgrade   # an older release"],
      );
    const to = await versionOf(host, place.previous);
    const from = await versionOf(host, place.path).catch(() => null);
    const fresh = join(staging, "mosaic-fleet");
    await host.files.keep(place.previous, fresh);
    await putInPlace(host, place, { fresh, staging }, async () => void (await versionOf(host, place.path, to)));
    const layout = (await host.files.status(pathsOf(host).receipt)) !== undefined;
    return { from, to, place: place.path, previous: place.previous, layout };
  });
}
