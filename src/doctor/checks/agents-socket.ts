import { join } from "node:path";
import { DEFAULT_SOCKET, HOLDER_UNIT } from "../../core/names.ts";
import { shellPath } from "../../core/shell.ts";
import { setCommand, unsetCommand } from "../../fleet/setting-commands.ts";
import type { SettingsFile } from "../../fleet/settings-files.ts";
import { type Look, ofAgents } from "../agent-subjects.ts";
import type { Agent } from "../agents.ts";
import type { Check, CheckResult, Fix } from "../check.ts";
import type { Tools } from "../tools.ts";

const KEY = "MOSAIC_TMUX_SOCKET";
const ALLOWED = /^[A-Za-z0-9_-]+$/;

export const agentsSocket: Check = {
  id: "agents.socket",
  title: "every agent and the holder mean the same tmux socket",
  requires: ["systemd.user-manager"],
  explain: {
    checks:
      "`MOSAIC_TMUX_SOCKET` in the environment that each agent's unit gets (the manager's, drop-ins, `fleet.env`, the agent's own file) against the name that the running holder recorded; where none runs, against the one that it would take.",
    why: "The start script refuses an agent that names another socket than the holder's (exit 78): it would be looked for where it is not. A name in `fleet.env` that is empty or not allowed keeps the holder from starting, and with it every agent.",
    mend: "Name the socket in `fleet.env` only, or nowhere. After a change there restart the holder, which restarts every agent.",
  },
  async run(tools) {
    const settings = await tools.settings();
    const named = settings?.variables[KEY];
    if (settings !== undefined && named !== undefined && !ALLOWED.test(named)) return badName(tools, settings, named);
    const { name, running } = await holderSocket(tools, named);
    return ofAgents(
      tools,
      { healthy: `socket ${name}`, failing: "they mean another socket than the holder's", settings: true },
      (agent) => look(tools, agent, name, running, settings),
    );
  },
};

/** The name that the holder serves; where it does not run, the one that it would take. */
async function holderSocket(tools: Tools, named: string | undefined): Promise<{ name: string; running: boolean }> {
  const record = await tools.holderRecord();
  if (record !== undefined) return { name: record.socketName, running: true };
  if (named !== undefined) return { name: named, running: false };
  const own = (await tools.holder()).extra.Environment?.split(" ").findLast((each) => each.startsWith(`${KEY}=`));
  return { name: own?.slice(KEY.length + 1) || DEFAULT_SOCKET, running: false };
}

function look(
  tools: Tools,
  agent: Agent,
  socket: string,
  running: boolean,
  settings: SettingsFile | undefined,
): Look | Promise<Look> {
  const meant = agent.environment[KEY] || socket;
  return meant === socket
    ? { status: "pass", message: socket }
    : refused(tools, agent, meant, socket, running, settings);
}

async function refused(
  tools: Tools,
  { name, file }: Agent,
  meant: string,
  socket: string,
  running: boolean,
  settings: SettingsFile | undefined,
): Promise<Look> {
  const whose = running ? "the holder serves" : "the holder would serve";
  const message = `means socket '${meant}', but ${whose} '${socket}': it is refused (exit 78)`;
  const { fix, from } = await origin(tools, name, file, settings, socket);
  return { status: "fail", message, evidence: { "set in": from }, fix };
}

async function origin(
  { host, paths }: Tools,
  name: string,
  file: SettingsFile | undefined,
  settings: SettingsFile | undefined,
  socket: string,
): Promise<{ from: string; fix: Fix }> {
  const { home } = host.user;
  if (file?.variables[KEY] !== undefined)
    return { from: file.path, fix: { commands: [unsetCommand(file, KEY, home)] } };
  if (settings?.variables[KEY] !== undefined)
    return {
      from: settings.path,
      fix: {
        commands: [
          `systemctl --user restart ${HOLDER_UNIT}   # takes the new name; restarts every agent. Or put the old one back:`,
          await setCommand(host, settings.path, settings, KEY, socket),
        ],
      },
    };
  return {
    from: "the user manager, or a drop-in",
    fix: {
      commands: [
        `systemctl --user unset-environment ${KEY}`,
        `systemctl --user cat mosaic-agent@${name}.service   # is it in a drop-in, or in ${shellPath(join(paths.config, "environment.d"), home)}?`,
      ],
    },
  };
}

/** The holder does not start with it. */
function badName({ host }: Tools, settings: SettingsFile, named: string): CheckResult {
  const what = named === "" ? "is empty" : `is '${named}', which is not allowed (letters, digits, - and _)`;
  return {
    status: "fail",
    message: `${KEY} ${what} in fleet.env: the holder does not start with it, and so no agent`,
    evidence: { file: settings.path },
    fix: { commands: [unsetCommand(settings, KEY, host.user.home)] },
  };
}
