import type { Pane } from "../../adapters/tmux.ts";
import { parseEnvFile, VARIABLE_NAME } from "../../core/env-file.ts";
import { type Evidence, expect, type Fleet, type Step, type ThrowawayAgent } from "../step.ts";
import { variablesOf } from "../unit-variables.ts";
import { proveItself, proveUp } from "./support.ts";

/** What a shell has of its own, what is the terminal's, and what the scripts set: none of it as it was handed down. */
const OTHERWISE =
  /^(_|PWD|OLDPWD|SHLVL|PPID|E?UID|BASHOPTS|SHELLOPTS|IFS|OPTIND|PS\d|TERM|TMUX|TMUX_PANE|PATH|MOSAIC_(AGENT_NAME|AGENT_WORKDIR|TMUX_SOCKET))$/;
/** What systemd says to each process of a unit that it starts itself, which the agent is not. */
const OF_UNITS = [
  ...["INVOCATION_ID", "JOURNAL_STREAM", "MANAGERPID", "NOTIFY_SOCKET", "RUNTIME_DIRECTORY", "SYSTEMD_EXEC_PID"],
  ...["MANAGERPIDFDID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "WATCHDOG_PID", "WATCHDOG_USEC"],
  ...["MEMORY_PRESSURE_WATCH", "MEMORY_PRESSURE_WRITE"],
];
/** What nobody has handed down: what is for the units' own processes, and what the tmux server has for its own use. */
const NOT_HANDED_DOWN = [...OF_UNITS, "DBUS_SESSION_BUS_ADDRESS", "MOSAIC_FLEET_TOOLS", "MOSAIC_FLEET_SITE"];

/** What an agent has from whoever starts it; undefined: its unit makes something else of it. */
type HandedDown = Readonly<Record<string, string | undefined>>;

/** The program in an agent's pane has the variables and the folder that it was given, and no process shows the secret. */
export async function proveEnvironment(
  subject: Pick<Fleet, "host" | "procfs" | "secret">,
  agent: ThrowawayAgent,
  pane: Pane,
  handedDown: HandedDown,
): Promise<Evidence> {
  const { procfs, secret } = subject;
  const variables = await proveItself(subject, agent, pane);
  const names = Object.keys(handedDown).filter(
    (name) =>
      handedDown[name] !== undefined && VARIABLE_NAME.test(name) && !OTHERWISE.test(name) && !OF_UNITS.includes(name),
  );
  const lost = names.filter((name) => variables[name] !== handedDown[name]);
  expect(lost.length === 0, "variables that its unit inherits did not reach the agent as they are", {
    variables: lost,
  });
  const strange = NOT_HANDED_DOWN.filter((name) => variables[name] !== undefined && !(name in handedDown));
  expect(strange.length === 0, "variables that are not for it have reached the agent", { variables: strange });

  const pids = await procfs.pids();
  const shown = await Promise.all(
    pids.map(async (pid) => ((await procfs.commandLine(pid)) ?? []).some((word) => word.includes(secret))),
  );
  const leaking = pids.filter((_, index) => shown[index]);
  expect(leaking.length === 0, "a secret of the agent is in the arguments of a process, for every user to read", {
    processes: leaking.map(String),
  });
  return {
    "variables compared": Object.keys(agent.variables).length + names.length,
    "processes searched": pids.length,
  };
}

/** Throws where the manager does not say. */
async function inheritedBy({ host }: Fleet, unit: string): Promise<HandedDown> {
  const { environment, set, files, unset } = await variablesOf(host, [unit]);
  const texts = await Promise.all(files.map((path) => host.files.readBytes(path).catch(() => undefined)));
  const inFiles = texts.flatMap((text) => parseEnvFile(text ?? "").map(({ key }) => key));
  // What a pattern stands for may set any of them.
  const any = files.some((path) => /[*?[]/.test(path)) ? Object.keys(environment) : [];
  const otherwise = [...any, ...inFiles, ...set.map(([name]) => name), ...unset];
  return { ...environment, ...Object.fromEntries(otherwise.map((name) => [name, undefined])) };
}

export const environment: Step = {
  id: "environment",
  title: "its environment and working folder are what the unit says, and no secret is in any process's arguments",
  limitMs: 10_000,
  requires: ["agent"],
  async run(fleet) {
    const { first } = fleet;
    return proveEnvironment(fleet, first, await proveUp(fleet, first), await inheritedBy(fleet, first.unit));
  },
};
