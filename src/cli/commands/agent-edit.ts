import { EXIT } from "../../core/exit.ts";
import { type Changed, changeAgent, isConfigured, unknownAgent } from "../../fleet/agent-config.ts";
import { effectiveAgent } from "../../fleet/effective.ts";
import { agentArgs, changesOf, checkedName } from "../agent-options.ts";
import { defineCommand, UsageError } from "../command.ts";
import { editInEditor } from "../editor.ts";
import { enableAndStart } from "../lifecycle.ts";
import { renderChanged } from "../report/agent.ts";

export const command = defineCommand({
  name: "agent edit",
  summary:
    "Changes an agent's settings; every comment and unknown line of its file stays. Without options it opens an editor, and takes what is valid.",
  args: {
    ...agentArgs,
    unset: {
      type: "string",
      valueHint: "SETTING",
      description: "take a setting away: model, memory-max, the name of a variable …; several times",
    },
  },
  repeats: ["env", "unset"],
  completes: { name: "agent", workdir: "folder", "env-file": "file" },
  examples: [
    ["mosaic-fleet agent edit coder --model opus --unset memory-max", "change one setting, take another away"],
    ["mosaic-fleet agent edit coder", "its file in your editor; nothing is taken that systemd would lose"],
  ],
  exits: [
    [EXIT.ok, "changed, or as it was asked for already"],
    [
      EXIT.broken,
      "the editor failed, or you discarded what you wrote: nothing is changed; or it is not up after its start",
    ],
    [EXIT.usage, "wrong usage: each field that is wrong is named; nothing is written"],
    [EXIT.unavailable, "there is no such agent, nobody to ask, or no user manager to start it"],
    [EXIT.oserr, "changed, but systemd refuses to read the limits or to enable it"],
    [EXIT.cantcreate, "a file cannot be written, is not yours, or was changed by somebody else meanwhile"],
    [EXIT.config, "the file, or the variables, cannot be read as they are"],
  ],
  async run(host, args) {
    const name = checkedName(args.name);
    const { name: _, start = false, enable = false, ...settings } = args;
    const given = [
      "runtime",
      "model",
      "workdir",
      "command",
      "env",
      "env-file",
      "memory-max",
      "cpu-weight",
      "unset",
    ].some((option) => settings[option as keyof typeof settings] !== undefined);
    if (!(await isConfigured(host, name))) throw await unknownAgent(host, name);
    let changed: Changed | undefined;
    let wanted = {};
    if (given) {
      const changes = await changesOf(host, "edit", args);
      changed = await changeAgent(host, name, changes, "known");
      wanted = changes.limits;
    } else if (!(start || enable)) {
      if (!host.stdin.isTTY || !host.stderr.isTTY) throw new UsageError("needs an option, or a terminal for an editor");
      const edited = await editInEditor(host, name);
      if (edited === undefined) return EXIT.broken;
      changed = { file: edited, limits: false };
    }
    const agent = await effectiveAgent(host, name);
    const runs = !["inactive", "failed"].includes(agent.state?.active ?? "inactive");
    renderChanged(host, agent, {
      what: whatOf(name, changed),
      running: runs ? changed : undefined,
      wanted,
    });
    return enableAndStart(host, name, { enable, start });
  },
});

/** undefined where no setting was to be changed. */
function whatOf(name: string, changed: Changed | undefined): string | undefined {
  if (changed === undefined) return undefined;
  return changed.file || changed.limits ? `Changed ${name}.` : `Nothing to change: ${name} is so already.`;
}
