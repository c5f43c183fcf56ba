import bash from "../../../assets/completions/mosaic-fleet.bash" with { type: "text" };
import fish from "../../../assets/completions/mosaic-fleet.fish" with { type: "text" };
import zsh from "../../../assets/completions/mosaic-fleet.zsh" with { type: "text" };
import { EXIT } from "../../core/exit.ts";
import { defineCommand, UsageError } from "../command.ts";

const SCRIPTS: Readonly<Record<string, string>> = { bash, zsh, fish };

export const command = defineCommand({
  name: "completions",
  summary:
    "Prints what lets a shell complete commands, options, agents and checks. It asks this program at every Tab, so it never grows old.",
  args: { shell: { type: "positional", required: true, description: "bash, zsh or fish" } },
  completes: { shell: Object.keys(SCRIPTS) },
  examples: [
    ["source <(mosaic-fleet completions bash)", "for bash: a line of ~/.bashrc"],
    ["source <(mosaic-fleet completions zsh)", "for zsh: a line of ~/.zshrc, after compinit"],
    ["mosaic-fleet completions fish | source", "for fish: a line of ~/.config/fish/config.fish"],
  ],
  exits: [
    [EXIT.ok, "printed"],
    [EXIT.usage, "wrong usage, or another shell"],
  ],
  async run(host, { shell }) {
    const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
    if (script === undefined) throw new UsageError(`knows ${Object.keys(SCRIPTS).join(", ")}, not ${shell}`);
    host.stdout.write(script);
    return EXIT.ok;
  },
});
