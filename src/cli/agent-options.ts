import { resolve } from "node:path";
import type { ParsedArgs } from "citty";
import { AGENT_KEYS, NAMED_SETTINGS } from "../core/agent-keys.ts";
import { expandHome } from "../core/agent-program.ts";
import { didYouMean } from "../core/did-you-mean.ts";
import { parseEnvFile, VARIABLE_NAME } from "../core/env-file.ts";
import { envProblems } from "../core/env-problems.ts";
import { describeError, FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { tilde } from "../core/paths.ts";
import { isSecretName, looksSecret } from "../core/redact.ts";
import { shellPath, shellWord } from "../core/shell.ts";
import { checkedSettings, type FieldProblem, nameProblem, variablesOf } from "../fleet/agent.ts";
import { type AgentChanges, agentFile } from "../fleet/agent-config.ts";
import { LIMITS } from "../fleet/limits.ts";
import { isShellish } from "../fleet/setting-commands.ts";
import { eachOf, UsageError } from "./command.ts";

const NOTHING = "Nothing was written";

/** What agent add and agent edit take alike. */
export const agentArgs = {
  name: { type: "positional", required: true, description: "the agent's name: letters, digits, - and _" },
  runtime: { type: "string", valueHint: "PROGRAM", description: "the agent's program, such as claude" },
  model: { type: "string", valueHint: "MODEL", description: "handed to the program as --model" },
  workdir: { type: "string", valueHint: "DIR", description: "the folder it runs in" },
  command: { type: "string", valueHint: "CMD", description: "a whole command instead, run by a shell" },
  env: {
    type: "string",
    valueHint: "KEY[=VALUE]",
    description: "a variable for the program; without a value it is asked for, and not shown: for keys; several times",
  },
  "env-file": {
    type: "string",
    valueHint: "FILE|-",
    description: "variables as lines KEY=VALUE, from a file or stdin",
  },
  "memory-max": { type: "string", valueHint: "SIZE", description: "memory limit: 4G, 512M, 50% or infinity" },
  "cpu-weight": { type: "string", valueHint: "N", description: "share of CPU time, from 1 to 10000; 100 if not set" },
  start: { type: "boolean", description: "start it" },
  enable: { type: "boolean", description: "start it at boot" },
} as const;

/** As they are parsed; what there is to unset, agent edit takes. */
export type AgentArgs = ParsedArgs<typeof agentArgs> & { readonly unset?: string | undefined };

/** Throws UsageError for what is no name of an agent. */
export function checkedName(name: string): string {
  const problem = nameProblem(name);
  if (problem !== undefined) throw new UsageError(problem);
  return name;
}

/** What the options ask for, checked; keys that are to be asked for are. Throws FleetError, with a line a field. */
export async function changesOf(host: Host, verb: "add" | "edit", args: AgentArgs): Promise<AgentChanges> {
  const again = `mosaic-fleet agent ${verb} ${args.name}`;
  const pairs = eachOf(args.env).map((each): [string, string | undefined] => {
    const equals = each.indexOf("=");
    return equals < 0 ? [each, undefined] : [each.slice(0, equals), each.slice(equals + 1)];
  });
  const asked = pairs.flatMap(([key, value]) => (value === undefined ? [key] : []));
  const typed = pairs.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]));
  const open = typed.find(([key, value]) => (isSecretName(key) && value !== "") || looksSecret(key, value));
  if (open !== undefined)
    throw new FleetError(
      EXIT.usage,
      NOTHING,
      `--env ${open[0]}=… looks like a key: what is typed here is in the list of processes, and in the shell's history`,
      [
        `${again} --env ${shellWord(open[0])}   # asks for it`,
        `${again} --env-file FILE   # or - to read stdin: lines KEY=VALUE`,
      ],
    );
  const fromFile = await variablesFrom(host, args["env-file"], again);
  const { runtime, model, command } = args;
  const workdir = args.workdir && folderOf(args.workdir, host.user.home);
  const weight = args["cpu-weight"];
  const env = Object.fromEntries([...fromFile, ...asked.map((key) => [key, ""] as const), ...typed]);
  const given = {
    runtime,
    model,
    workdir: args.workdir === "" ? "" : workdir,
    command,
    memoryMax: args["memory-max"],
    cpuWeight: weight !== undefined && /^\d{1,9}$/.test(weight) ? Number(weight) : weight,
    env,
  };
  const named = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const checked = checkedSettings(named);
  if ("problems" in checked)
    throw new FleetError(EXIT.usage, NOTHING, checked.problems.map(problemText).join("\n        "), [
      `${again} --help`,
    ]);
  const { settings } = checked;
  if (settings.workdir !== undefined) await offerFolder(host, settings.workdir);
  const variables = variablesOf(settings);
  for (const key of asked) variables.set(key, await askedFor(host, key, again));
  const { memoryMax, cpuWeight } = settings;
  const limits = {
    ...(memoryMax === undefined ? {} : { memoryMax }),
    ...(cpuWeight === undefined ? {} : { cpuWeight }),
  };
  const unset = eachOf(args.unset);
  await mustBeKnown(host, args.name, unset);
  return withUnset({ variables, limits }, unset);
}

/** As it is written down: whole, but for a home whose name a reader would take for one that is written for a shell. */
function folderOf(typed: string, home: string): string {
  if (/^~(\/|$)/.test(typed)) return typed;
  return isShellish(home) ? tilde(resolve(typed), home) : resolve(typed);
}

function problemText({ path: [field = "", key], message }: FieldProblem): string {
  if (field === "env") return key === undefined ? `--env: ${message}` : `--env ${key}: ${message}`;
  return `--${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}: ${message}`;
}

async function variablesFrom(host: Host, from: string | undefined, again: string): Promise<[string, string][]> {
  if (from === undefined) return [];
  const refuse = (why: string) => new FleetError(EXIT.config, NOTHING, `--env-file ${from}: ${why}`, [again]);
  let bytes: Uint8Array | undefined;
  try {
    bytes = await host.input(from);
  } catch (error) {
    throw refuse(describeError(error));
  }
  if (bytes === undefined) throw refuse("there is no such file");
  const problem = envProblems(bytes, Object.keys(AGENT_KEYS)).find(({ severity }) => severity === "fail");
  if (problem !== undefined) throw refuse(`line ${problem.line}: ${problem.message}`);
  return parseEnvFile(bytes).map(({ key, value }) => [key, value]);
}

async function askedFor(host: Host, key: string, again: string): Promise<string> {
  const value = await host.askSecret(`${key} (not shown): `);
  if (value !== undefined) return value;
  throw new FleetError(EXIT.unavailable, NOTHING, `${key} is to be asked for, and nothing was typed at a terminal`, [
    `${again} --env-file -   # reads lines KEY=VALUE from stdin`,
  ]);
}

/** A folder that is not there is made, if that is wanted. */
async function offerFolder(host: Host, workdir: string): Promise<void> {
  const folder = expandHome(workdir, host.user.home);
  const real = await host.files.realPath(folder);
  const shown = shellPath(folder, host.user.home);
  if (real !== undefined) {
    if ((await host.files.status(real))?.kind === "folder") return;
    throw new FleetError(EXIT.usage, NOTHING, `--workdir: ${shown} is no folder`, [`ls -ld ${shown}`]);
  }
  if (await host.ask(`There is no folder ${shown}. Make it? [y/N] `)) {
    await host.files.makeFolder(folder);
    return;
  }
  throw new FleetError(EXIT.unavailable, NOTHING, `--workdir: there is no folder ${shown}`, [`mkdir -p ${shown}`]);
}

/** What a setting is called in code: memory-max is memoryMax. */
function settingOf(typed: string): string {
  return typed.replace(/^--/, "").replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

const SETTINGS: Readonly<Record<string, string>> = { ...NAMED_SETTINGS, ...LIMITS };

/** What is misspelt would stay as it is, and be called so already. Throws UsageError. */
async function mustBeKnown(host: Host, name: string, unset: readonly string[]): Promise<void> {
  const options = Object.keys(SETTINGS).map((each) => each.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));
  for (const each of unset) {
    if (Object.hasOwn(SETTINGS, settingOf(each))) continue;
    const meant = didYouMean(each, options);
    const bytes = meant === "" ? undefined : await host.files.readBytes(agentFile(host, name)).catch(() => undefined);
    const isVariable = bytes !== undefined && parseEnvFile(bytes).some(({ key }) => key === each);
    if (isVariable || (meant === "" && VARIABLE_NAME.test(each))) continue;
    throw new UsageError(`--unset ${each} is no setting, and no variable of this agent's${meant}`);
  }
}

/** Settings by the names of their options (model, memory-max), or of their variables. */
function withUnset({ variables, limits }: AgentChanges, names: readonly string[]): AgentChanges {
  const without = new Map(variables);
  const lifted: Record<string, string | number | undefined> = { ...limits };
  for (const name of names) {
    const setting = settingOf(name);
    if (Object.hasOwn(LIMITS, setting)) lifted[setting] = undefined;
    else without.set((Object.hasOwn(SETTINGS, setting) ? SETTINGS[setting] : undefined) ?? name, undefined);
  }
  return { variables: without, limits: lifted };
}
