import { version } from "../../../package.json";
import { FleetError } from "../../core/errors.ts";
import { EXIT } from "../../core/exit.ts";
import { conflicts } from "../../install/action.ts";
import { install } from "../../install/install.ts";
import { defineCommand } from "../command.ts";
import { renderInstalled } from "../report/install.ts";

export const command = defineCommand({
  name: "install",
  summary: "Lays out the units and scripts of the fleet for this user; run again, it brings them up to date.",
  args: {
    "dry-run": { type: "boolean", description: "show what would be done, and do nothing" },
    enable: { type: "boolean", description: "start the holder at boot (or at login, without lingering)" },
    now: { type: "boolean", description: "start the holder now" },
    output: { type: "enum", alias: "o", options: ["human", "json"], default: "human", description: "what to print" },
  },
  examples: [
    ["mosaic-fleet install --dry-run", "see the files first"],
    ["mosaic-fleet install --enable --now", "lay them out, start the fleet's tmux server now and at boot"],
  ],
  exits: [
    [EXIT.ok, "installed, or installed already"],
    [EXIT.usage, "wrong usage"],
    [
      EXIT.unavailable,
      "the user manager cannot be reached, is another user's, or does not take the units; or another install runs; nothing is left written",
    ],
    [EXIT.cantcreate, "a file that is not ours is in the way, or cannot be written; nothing is left written"],
    [EXIT.ioerr, "stdout cannot be written; what was to be done is done"],
    [EXIT.config, "the receipt of an earlier install cannot be read"],
  ],
  async run(host, args) {
    const options = { dryRun: args["dry-run"] ?? false, enable: args.enable ?? false, now: args.now ?? false, version };
    const print = (document: unknown) => host.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    try {
      const installed = await install(host, options);
      if (args.output === "human") renderInstalled(host.stdout, installed, { ...options, home: host.user.home });
      else
        print({
          schemaVersion: 1,
          applied: installed.applied,
          steps: installed.plan.steps.map(({ action, ...rest }) => ({
            ...rest,
            action: { ...action, text: undefined },
          })),
        });
      return conflicts(installed.plan).length > 0 ? EXIT.cantcreate : EXIT.ok;
    } catch (error) {
      if (error instanceof FleetError && args.output === "json")
        print({ schemaVersion: 1, applied: false, problem: { what: error.what, why: error.why, next: error.next } });
      throw error;
    }
  },
});
