import { resolve } from "node:path";
import { version } from "../../../package.json";
import { EXIT, exitOf } from "../../core/exit.ts";
import origin from "../../update/origin.json";
import { goBack, selfUpdate } from "../../update/update.ts";
import { defineCommand, UsageError } from "../command.ts";
import { durationMs } from "../duration.ts";
import { layoutArgs, printJson, withProblem } from "../layout.ts";
import { renderEvents, renderUpdated, renderWentBack } from "../report/self-update.ts";

export const command = defineCommand({
  name: "self-update",
  summary:
    "Replaces this binary by that of a newer release: verified, tried with its own doctor first, the one before kept.",
  details: [
    "The new binary is held against SHA256SUMS of the release, and where this binary knows a key, against the signature: then there is no way around that. Without a key only https, this machine and a folder are believed. Lying beside the old one it must run, its doctor must find nothing that the old one's does not, and with --canary its canary must be no worse; only then it takes the place, in one step. If it does not run there, the old one comes back by itself.",
    "The layout is a step of its own: mosaic-fleet install. A binary that a package, a link or another user has put there is left alone.",
  ],
  args: {
    from: { type: "string", valueHint: "URL|DIR", description: "where the files of the release are" },
    check: { type: "boolean", description: "only say whether there is a newer one" },
    "dry-run": { type: "boolean", description: "only say what would be done" },
    rollback: { type: "boolean", description: "put the binary from before the last update back; twice is back again" },
    canary: { type: "boolean", description: "prove the new binary in a sandbox, too, before it takes its place" },
    "no-doctor": { type: "boolean", description: "do not hold its doctor against the one before" },
    "allow-downgrade": { type: "boolean", description: "take an older version, too" },
    "require-signature": { type: "boolean", description: "fail where no signature can be checked" },
    timeout: {
      type: "string",
      valueHint: "TIME",
      default: "30s",
      description: "give up a download that makes no progress for that long (30s)",
    },
    output: layoutArgs.output,
  },
  completes: { from: "folder" },
  examples: [
    ["mosaic-fleet self-update", "from where this binary's release came from"],
    ["mosaic-fleet self-update --from /media/stick --canary", "without a network, proved in a sandbox first"],
    ["mosaic-fleet self-update --rollback", "back to the binary from before"],
  ],
  exits: [
    [EXIT.ok, "it is up to date, or is now"],
    [EXIT.broken, "--check: there is a newer one; otherwise: the new one does not hold here, and was not taken"],
    [EXIT.usage, "wrong usage, or it is not known where newer ones are"],
    [EXIT.dataerr, "not the bytes, or not the signature, of the release"],
    [EXIT.unavailable, "it cannot be had, or is older than this one, or another self-update runs"],
    [EXIT.cantcreate, "the binary cannot be replaced: a link, a package's, another user's, a full disk"],
    [EXIT.interrupted, "interrupted; the binary is as it was"],
  ],
  async run(host, args) {
    const human = args.output === "human";
    const look = args.check || args["dry-run"];
    if (args.rollback) {
      const other = (["from", "check", "dry-run", "canary", "no-doctor", "allow-downgrade"] as const).find(
        (name) => args[name] !== undefined && args[name] !== false,
      );
      if (other !== undefined) throw new UsageError(`--rollback and --${other} do not go together`);
    }
    const from = args.from ?? (host.env.MOSAIC_FLEET_BASE_URL || undefined);
    const isAddress = /:\/\/|^\s*(?:[a-z][a-z\d+.-]*:\/|https?:)/i.test(from ?? "");
    // It is not repeated: there may be a password in it.
    if (isAddress && !/^https?:\/\//.test(from ?? ""))
      throw new UsageError("--from is a folder, or an address that starts with https://");
    const stallMs = durationMs(args.timeout);
    if (stallMs === undefined) throw new UsageError(`--timeout is a time such as 30s or 2m, not "${args.timeout}"`);
    return withProblem(host, human, async () => {
      if (args.rollback) {
        const back = await goBack(host);
        if (human) renderWentBack(host.stdout, back, host.user.home);
        else printJson(host, { applied: true, ...back });
        return EXIT.ok;
      }
      const updated = await selfUpdate(host, {
        version,
        origin,
        // An address stays as it is.
        from: from === undefined || isAddress ? from : resolve(from),
        dryRun: look ?? false,
        allowDowngrade: args["allow-downgrade"] ?? false,
        requireSignature: args["require-signature"] ?? false,
        doctor: !args["no-doctor"],
        canary: args.canary ?? false,
        stallMs,
        ...(human ? { onEvent: renderEvents(host.stdout, host.stderr) } : {}),
      });
      if (human) renderUpdated(host.stdout, updated, { home: host.user.home, dryRun: look ?? false });
      else printJson(host, updated);
      if (args.check) return updated.change === "update" || updated.change === "other" ? EXIT.broken : EXIT.ok;
      return exitOf(updated.canary ?? "pass");
    });
  },
});
