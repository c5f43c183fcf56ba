import { resolve } from "node:path";
import { version } from "../../../package.json";
import { EXIT } from "../../core/exit.ts";
import { install } from "../../install/install.ts";
import { defineCommand, listOf } from "../command.ts";
import {
  confirmSeed,
  decideAtTerminal,
  layoutArgs,
  layoutDocument,
  layoutExit,
  proveRestart,
  restartArg,
  withProblem,
} from "../layout.ts";
import { renderInstalled } from "../report/install.ts";

export const command = defineCommand({
  name: "install",
  summary: "Lays out the units and scripts of the fleet for this user; run again, it brings them up to date.",
  details: [
    "Each file is judged by three hashes: of what was last written, of what is there, of what this version brings. What you have not touched is brought up to date. What you alone have changed stays. What both have changed stays yours, ours lies beside it as .mosaic-new, and at a terminal you are asked. What you have removed stays removed. What is not ours, or no plain file, is found before anything is written, and is left alone.",
    "Nothing that runs is restarted, unless --restart is said. Killed at any point, the next run finishes or undoes it. To change a unit, use systemctl --user edit: no command of this program touches your drop-ins.",
  ],
  args: {
    "dry-run": layoutArgs["dry-run"],
    enable: { type: "boolean", description: "start the holder at boot (or at login, without lingering)" },
    now: { type: "boolean", description: "start the holder now" },
    linger: { type: "boolean", description: "let the fleet live on after logout, and start it at boot" },
    restore: { type: "boolean", description: "put back the files of ours that you have removed" },
    take: {
      type: "string",
      valueHint: "PATH",
      description:
        "replace this file, which you have changed, by ours; yours is kept beside it; several times, or PATH,PATH",
    },
    restart: layoutArgs.restart,
    yes: layoutArgs.yes,
    output: layoutArgs.output,
  },
  lists: ["take"],
  completes: { take: "file" },
  examples: [
    ["mosaic-fleet install --dry-run", "see the files first, and what changes in each"],
    ["mosaic-fleet install --enable --now", "lay them out, start the fleet's tmux server now and at boot"],
    ["mosaic-fleet install --restart", "bring what runs up to date, and prove that it holds"],
  ],
  exits: [
    [EXIT.ok, "installed, or installed already"],
    [
      EXIT.broken,
      "installed, but for a file that you and this version have changed; or not all of the fleet came back",
    ],
    [EXIT.unknown, "installed, but what still runs as before, or whether it holds, cannot be told"],
    [EXIT.usage, "wrong usage"],
    [
      EXIT.unavailable,
      "the user manager cannot be reached, is another user's, or does not take the units; or another run is not over; nothing is left written",
    ],
    [EXIT.cantcreate, "a file that is not ours is in the way, or cannot be written; nothing is left written"],
    [EXIT.ioerr, "stdout cannot be written; what was to be done is done"],
    [EXIT.config, "the receipt of an earlier install cannot be read"],
    [EXIT.interrupted, "interrupted; what had been done was taken back"],
  ],
  alwaysDocuments: true,
  async run(host, args) {
    const dryRun = args["dry-run"] ?? false;
    const human = args.output === "human";
    const asks = human && !args.yes;
    return withProblem(host, human, async () => {
      const installed = await install(host, {
        version,
        dryRun,
        enable: args.enable ?? false,
        now: args.now ?? false,
        linger: args.linger ?? false,
        restore: args.restore ?? false,
        ...restartArg(host, "install", args.restart),
        taken: new Set(listOf(args.take)?.map((path) => resolve(path))),
        ...(asks ? { decide: decideAtTerminal(host) } : {}),
        seed: asks ? { confirm: confirmSeed(host) } : {},
      });
      if (human) await renderInstalled(host.stdout, installed, { dryRun, home: host.user.home, command: "install" });
      const canary = await proveRestart(host, installed, human);
      if (!human) await layoutDocument(host, installed, dryRun, canary);
      return layoutExit(host, installed, canary);
    });
  },
});
