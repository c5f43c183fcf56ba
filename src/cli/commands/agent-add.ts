import { EXIT } from "../../core/exit.ts";
import { tilde } from "../../core/paths.ts";
import { agentFile, changeAgent } from "../../fleet/agent-config.ts";
import { effectiveAgent } from "../../fleet/effective.ts";
import { agentArgs, changesOf, checkedName } from "../agent-options.ts";
import { defineCommand } from "../command.ts";
import { enableAndStart } from "../lifecycle.ts";
import { renderChanged } from "../report/agent.ts";

export const command = defineCommand({
  name: "agent add",
  summary: "Adds an agent: writes its settings file, for you alone, and its limits; says whether its program is found.",
  details: [
    "The file is read by systemd, not by a shell; what is given is quoted so that exactly that arrives. Keys are better asked for (--env KEY), or read from a file or stdin (--env-file), than typed on the command line, where other users can see them.",
  ],
  args: agentArgs,
  repeats: ["env"],
  completes: { name: [], workdir: "folder", "env-file": "file" },
  examples: [
    [
      "mosaic-fleet agent add coder --runtime claude --workdir ~/work --start",
      "an agent that runs; with --enable after a boot, too",
    ],
    [
      "mosaic-fleet agent add coder --env ANTHROPIC_API_KEY",
      "asks for the key; it is not shown, and in no list of processes",
    ],
    [
      "mosaic-fleet agent add builder --command 'npm run agent' --memory-max 4G",
      "a command of your own, with a limit of its own",
    ],
  ],
  exits: [
    [EXIT.ok, "added, and started where that was asked for"],
    [EXIT.broken, "added, but it is not up after its start: why is said"],
    [EXIT.usage, "wrong usage: each field that is wrong is named; nothing is written"],
    [
      EXIT.unavailable,
      "there is nobody to ask for a key or about a folder, and nothing is written; or the user manager cannot be reached to start it",
    ],
    [EXIT.oserr, "added, but systemd refuses to read the limits or to enable it"],
    [EXIT.cantcreate, "there is such an agent, or a file cannot be written or is not yours"],
    [EXIT.config, "the variables cannot be read"],
  ],
  async run(host, args) {
    const name = checkedName(args.name);
    const changes = await changesOf(host, "add", args);
    await changeAgent(host, name, changes, "new");
    renderChanged(host, await effectiveAgent(host, name), {
      what: `Added ${name}: ${tilde(agentFile(host, name), host.user.home)}`,
      running: undefined,
      wanted: changes.limits,
    });
    return enableAndStart(host, name, args);
  },
});
