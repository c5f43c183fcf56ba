import { programLookup, SHELL_COMMAND } from "../../fleet/program-finding.ts";
import { ofAgents } from "../agent-subjects.ts";
import type { Check } from "../check.ts";

export const agentsProgram: Check = {
  id: "agents.program",
  title: "every agent's program, where it can be told, is found on the PATH that its pane gets",
  requires: ["systemd.user-manager"],
  explain: {
    checks:
      "What the agent's pane will run, worked out as the start script does it, and looked for on the PATH that the pane will have: `MOSAIC_PATH`, then the PATH of the user manager, of drop-ins and of the settings files. That it is an executable file, made for this machine, and that what runs it (the `#!` line) is found too. Of a command only its first program is looked for, and no quote may be left open: what else is in it is the shell's. Where it is not found, it is looked for on the PATH of this shell, in what the start files of your shells add to PATH (read, never run), and in the usual folders of nvm, npm, mise and others.",
    why: "The user manager's PATH is not that of your shell: it knows neither `~/.local/bin` nor what nvm and npm add. It is the most common reason for which an agent that runs well by hand does not start (exit 69).",
    mend: "Add the program's folder to `MOSAIC_PATH` in `~/.config/mosaic/fleet/fleet.env`, as in `MOSAIC_PATH=~/.local/bin:~/.npm-global/bin`, or name the program's whole path. Then start the agent again.",
  },
  async run(tools) {
    const look = programLookup(tools.host, await tools.settings());
    return ofAgents(
      tools,
      {
        healthy: (all) => {
          const told = all.filter(({ message }) => !message.startsWith(SHELL_COMMAND));
          const programs = [...new Set(told.map(({ message }) => message.split(",")[0] ?? ""))];
          const left = all.length === told.length ? [] : [`${all.length - told.length} left to the shell`];
          return [...(programs.length > 2 ? [`${programs.length} programs`] : programs), ...left].join(", ");
        },
        failing: "their programs are not found, or cannot run",
        settings: true,
        alike: ({ program }) => program,
      },
      async (agent) => {
        const { commands, ...finding } = await look(agent);
        return { ...finding, ...(commands === undefined ? {} : { fix: { commands } }) };
      },
    );
  },
};
