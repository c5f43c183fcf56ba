import { join } from "node:path";
import { SERVER_OPTIONS, type ServerOption, serverOption } from "../../core/server-options.ts";
import { shellPath, shellWord } from "../../core/shell.ts";
import type { Check, CheckResult } from "../check.ts";
import { fleetTmux } from "../fleet-tmux.ts";
import type { Tools } from "../tools.ts";

export const holderOptions: Check = {
  id: "holder.options",
  title: "the options that keep the server and its sessions alive are in force",
  requires: ["holder.server"],
  explain: {
    checks:
      "What the running server has for exit-empty, exit-unattached, destroy-unattached, remain-on-exit, update-environment and the hooks pane-died, window-unlinked and after-kill-pane; and, of every agent's own pane, whether its window or session overrides remain-on-exit or destroy-unattached.",
    why: "tmux ends a server without sessions, a session without viewers and a pane without a program where an option says so, and the fleet's promises rest on their being off. They may have been changed since tmux.conf was read: by tmux.local.conf, by hand, or by a plug-in.",
    mend: "Set the option on the running server (`tmux -L mosaic-factory set …`), and take what changed it out of ~/.config/mosaic/fleet/tmux.local.conf, which is read last. `tmux -L mosaic-factory source-file ~/.config/mosaic/tools/fleet/tmux.conf` sets all of them anew.",
  },
  async run(tools): Promise<CheckResult> {
    const server = await tools.server();
    if (server === undefined) return { status: "skip", reason: "no tmux server of the fleet runs" };
    const { home } = tools.host.user;
    const tmux = await fleetTmux(tools);
    const effective = (name: string) => serverOption(server.options, name);
    const off = SERVER_OPTIONS.filter(({ name, holds }) => !holds(effective(name)));
    const inForce = (name: string) => off.every((option) => option.name !== name);
    const agents = server.panes.filter(({ agent }) => agent);
    // Where the server's own option is off, they have it from there.
    const unkept = inForce("remain-on-exit") ? agents.filter(({ remains }) => !remains) : [];
    const fleeting = inForce("destroy-unattached") ? agents.filter(({ endsUnattached }) => endsUnattached) : [];
    const says = [
      ...off.map(({ name, wanted, otherwise }) => `${name} is ${shown(effective(name))}, not ${wanted}: ${otherwise}`),
      ...unkept.map(({ session }) => `${session}: remain-on-exit is off for this agent alone`),
      ...fleeting.map(({ session }) => `${session}: destroy-unattached is on for this agent alone`),
    ];
    if (says.length === 0) return { status: "pass" };
    const conf = await culprits(tools, off);
    const ours = join(tools.paths.tools, "tmux.conf");
    const sourced = `${tmux} source-file ${shellPath(ours, home)}   # sets them all anew`;
    // After an upgrade of the binary the file may not have them yet.
    const hooks = off.filter(({ set }) => set === undefined);
    const behind = hooks.length > 0 && (await lacksHook(tools, ours, hooks));
    return {
      status: says.length > off.length || off.some(({ promised }) => promised) ? "fail" : "warn",
      message:
        says.length === 1
          ? (says[0] ?? "")
          : `${says.length} options that keep the server and its sessions alive are not in force`,
      evidence: { options: says, ...(conf.length > 0 ? { "tmux.local.conf": conf.map(({ text }) => text) } : {}) },
      fix: {
        commands: [
          ...(conf.length > 0
            ? [
                `\${EDITOR:-vi} ${shellPath(localConf(tools), home)}   # take out line ${conf.map(({ line }) => line).join(", ")}`,
              ]
            : []),
          ...(hooks.length > 0
            ? [behind ? `mosaic-fleet install; ${sourced}` : sourced]
            : off.map(({ set }) => `${tmux} ${set}`)),
          ...unkept.flatMap(({ pane }) =>
            ["w", "p"].map((of) => `${tmux} set -${of}u -t ${shellWord(pane)} remain-on-exit`),
          ),
          ...fleeting.map(({ session }) => `${tmux} set -u -t ${shellWord(`=${session}:`)} destroy-unattached`),
        ],
      },
    };
  },
};

async function lacksHook({ host }: Tools, conf: string, hooks: readonly ServerOption[]): Promise<boolean> {
  const text = (await host.files.read(conf)) ?? "";
  return hooks.some(({ name }) => !text.includes(`set-hook -g ${name} `));
}

function localConf({ paths }: Tools): string {
  return join(paths.site, "tmux.local.conf");
}

/** Lines of the user's own file that speak of these options. */
async function culprits(tools: Tools, options: readonly ServerOption[]): Promise<{ line: number; text: string }[]> {
  const lines = ((await tools.host.files.read(localConf(tools))) ?? "").split("\n");
  return lines
    .map((text, index) => ({ line: index + 1, text: text.trim() }))
    .filter(({ text }) => !text.startsWith("#") && options.some(({ name }) => text.includes(name)));
}

function shown(value: string): string {
  if (value === "") return "empty";
  const ours = /\/agent-pane-(died|closed)\.sh/;
  const commands = value.split("; ");
  return commands.map((each) => (ours.test(each) ? "the hook of tmux.conf" : each)).join("; ");
}
