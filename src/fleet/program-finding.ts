import { basename, join } from "node:path";
import {
  mosaicPath,
  type ProgramAt,
  type ProgramSearch,
  programAt,
  programSearch,
  programStart,
  runsForeign,
} from "../adapters/program-search.ts";
import { type AgentProgram, hasOpenQuote, isShellWord } from "../core/agent-program.ts";
import { closest } from "../core/did-you-mean.ts";
import { settingLine } from "../core/env-edit.ts";
import type { Host } from "../core/host.ts";
import { pathsOf, tilde } from "../core/paths.ts";
import { shellPath, shellWord } from "../core/shell.ts";
import { editCommand, setCommand } from "./setting-commands.ts";
import type { SettingsFile } from "./settings-files.ts";

/** An agent as it is configured: what its pane becomes, and the file in which that can be changed. */
export interface Configured {
  /** Its environment file; undefined where it has none. */
  readonly file: SettingsFile | undefined;
  /** What systemd makes its unit's environment of. */
  readonly environment: Readonly<Record<string, string>>;
  readonly program: AgentProgram;
}

/** Whether an agent's program is found as its pane will look for it. */
export interface ProgramFinding {
  /** fail: it will not start, or ends at once. */
  readonly status: "pass" | "warn" | "fail";
  readonly message: string;
  readonly evidence?: Readonly<Record<string, string | number | readonly string[]>>;
  /** What to type about it; none of a pass. */
  readonly commands?: readonly string[];
}

const REFUSED = "the agent is refused (exit 69)";
const KEY = "MOSAIC_PATH";

/** What is said of a command whose program only a shell can tell. */
export const SHELL_COMMAND = "a shell command, which was not looked into";
/** Programs that start another, which is what an agent really is. */
const STARTERS =
  /^(?:env|sh|bash|dash|zsh|ksh|fish|nice|ionice|nohup|timeout|time|setsid|stdbuf|chrt|taskset|script|sudo|systemd-run|xargs|npx|uvx)$/;

/** What became of looking for a program. */
type Resolved =
  | { readonly found: { readonly path: string; readonly real: string } }
  /** `off`: the first place where something of that name is, which is no program. */
  | { readonly found: undefined; readonly off: { readonly path: string; readonly at: ProgramAt } | undefined };

/** Asks the file system once, however many agents have the same program. */
interface Lookup {
  readonly host: Host;
  readonly settings: SettingsFile | undefined;
  resolve(program: string, agent: Configured): Promise<Resolved>;
  /** Why what was found cannot run, or undefined. */
  unfit(real: string, agent: Configured): Promise<{ message: string; interpreter?: string } | undefined>;
  readonly search: ProgramSearch;
}

/** Looks whether the programs of agents are found; `settings`: fleet.env. */
export function programLookup(
  host: Host,
  settings: SettingsFile | undefined,
): (agent: Configured) => Promise<ProgramFinding> {
  const lookup = lookupOf(host, settings);
  return (agent) => look(lookup, agent);
}

function lookupOf(host: Host, settings: SettingsFile | undefined): Lookup {
  const ats = new Map<string, Promise<ProgramAt>>();
  const at = (path: string) => {
    const known = ats.get(path) ?? programAt(host, path);
    ats.set(path, known);
    return known;
  };
  const inFolders = async (program: string, folders: readonly string[]): Promise<Resolved> => {
    let off: { path: string; at: ProgramAt } | undefined;
    for (const folder of folders) {
      const path = folder === "" ? program : `${folder}/${program}`;
      const found = await at(path);
      if (found.state === "there") return { found: { path, real: found.real } };
      if (found.state !== "absent") off ??= { path, at: found };
    }
    return { found: undefined, off };
  };
  const resolutions = new Map<string, Promise<Resolved>>();
  const resolve: Lookup["resolve"] = (program, { program: { path, workdir: own } }) => {
    const workdir = own.startsWith("/") ? own : join(host.user.home, own);
    // A relative folder counts from the working folder; an empty one is the root, as the script has it.
    const below = (folder: string) =>
      folder === "" || folder.startsWith("/") ? folder || "/" : `${workdir}/${folder}`;
    const folders = program.includes("/") ? [program.startsWith("/") ? "" : workdir] : path.map(below);
    const key = [program, ...folders].join(":");
    const known = resolutions.get(key) ?? inFolders(program, folders);
    resolutions.set(key, known);
    return known;
  };
  const starts = new Map<string, ReturnType<typeof programStart>>();
  return {
    host,
    settings,
    resolve,
    search: programSearch(host),
    async unfit(real, agent) {
      const known = starts.get(real) ?? programStart(host, real);
      starts.set(real, known);
      const { machine, interpreter } = await known;
      if (machine !== undefined && !(await runsForeign(host)))
        return { message: `is made for another machine (${machine}, this is ${host.machine}): it cannot run` };
      if (interpreter === undefined) return undefined;
      const { program, onPath } = interpreter;
      if (program.endsWith("\\r"))
        return {
          message: "has Windows line ends: the kernel looks for an interpreter whose name ends in a carriage return",
        };
      if (onPath ? (await resolve(program, agent)).found : (await at(program)).state === "there") return undefined;
      if (!onPath) return { message: `is run by ${program}, which is not there` };
      return { message: `is run by ${program}, which is not on the PATH that its pane gets`, interpreter: program };
    },
  };
}

async function look(lookup: Lookup, agent: Configured): Promise<ProgramFinding> {
  const { program, shell, launcher } = agent.program;
  const { home } = lookup.host.user;
  const command = (shell && agent.environment.MOSAIC_AGENT_COMMAND) || "";
  if (hasOpenQuote(command))
    return {
      status: "fail",
      message: "its command has a quote that is never closed: the shell refuses it, and it ends at once",
      commands: [edit(lookup, agent)],
    };
  if (program === undefined) return { status: "pass", message: SHELL_COMMAND };
  const launched = launcher === undefined ? undefined : (await lookup.resolve(launcher, agent)).found;
  const first = launched === undefined ? program : (launcher ?? program);
  const resolved = launched === undefined ? await lookup.resolve(program, agent) : { found: launched };
  if (resolved.found === undefined) {
    if (shell && isShellWord(program)) return { status: "pass", message: `${SHELL_COMMAND} (${program})` };
    return missing(lookup, agent, program, resolved.off);
  }
  const { path, real } = resolved.found;
  const unfit = await lookup.unfit(real, agent);
  if (unfit !== undefined) {
    const message = `${first.includes("/") ? "" : `${first}: `}${tilde(path, home)} ${unfit.message}`;
    return unfit.interpreter === undefined
      ? { status: "fail", message, evidence: { file: real }, commands: [edit(lookup, agent)] }
      : addition(lookup, agent, unfit.interpreter, `${message}, so it ends at once`, "fail");
  }
  if (launched !== undefined && (await lookup.resolve(program, agent)).found === undefined)
    return addition(
      lookup,
      agent,
      program,
      `the ${launcher} launcher is found, but ${program}, which it is to start, is not on the PATH that its pane gets`,
      "warn",
    );
  const name = launched === undefined ? basename(program) : `${launcher} ${program}`;
  const rest = /[;&|\n`]|\$\(/.test(command)
    ? "; the rest of the command was not looked into"
    : shell && STARTERS.test(name)
      ? "; what it starts was not looked for"
      : "";
  return { status: "pass", message: `${name}, ${tilde(path, home)}${rest}` };
}

/** Not found where its pane looks; perhaps because what is there is no program. */
async function missing(
  lookup: Lookup,
  agent: Configured,
  program: string,
  off: { path: string; at: ProgramAt } | undefined,
): Promise<ProgramFinding> {
  const { home } = lookup.host.user;
  if (off !== undefined) {
    const shown = tilde(off.path, home);
    const evidence = { file: off.path };
    switch (off.at.state) {
      case "not-executable":
        return {
          status: "fail",
          message: `${shown} is not executable: ${REFUSED}`,
          evidence,
          commands: [`chmod +x ${shellPath(off.at.real, home)}`],
        };
      case "dangling":
        return addition(
          lookup,
          agent,
          program,
          `${shown} is a link to ${tilde(off.at.target, home)}, which is not there: ${REFUSED}`,
          "fail",
        );
      case "folder":
        return {
          status: "fail",
          message: `${shown} is a folder, no program: ${REFUSED}`,
          evidence,
          commands: [edit(lookup, agent)],
        };
    }
  }
  const what = program.includes("/")
    ? `there is no ${tilde(program, home)}`
    : `${program} is not on the PATH that its pane gets`;
  return addition(lookup, agent, program, `${what}: ${REFUSED}`, "fail");
}

/** Where it is instead, and the line to add. */
async function addition(
  lookup: Lookup,
  agent: Configured,
  program: string,
  message: string,
  status: "warn" | "fail",
): Promise<ProgramFinding> {
  const { host, settings } = lookup;
  const { home } = host.user;
  const name = basename(program);
  const path = agent.program.path.map((folder) => tilde(folder, home)).join(":");
  const places = await lookup.search.find(name);
  // One that is on its PATH already is not the answer.
  const usable = places.filter(({ folder }) => !agent.program.path.includes(folder));
  const [best] = usable;
  if (best === undefined) {
    const meant = await nearName(lookup, agent, name);
    return {
      status,
      message: `${message}; it was found nowhere else${meant === undefined ? "" : ` (was ${meant} meant?)`}`,
      evidence: { PATH: path, "looked in": (await lookup.search.places()).length },
      commands: [`${edit(lookup, agent)}   # name another program, or install ${shellWord(name)}`],
    };
  }
  if (program.includes("/"))
    return {
      status,
      message: `${message}; it is in ${tilde(best.folder, home)} (${best.from})`,
      evidence: { found: usable.slice(0, 5).map((place) => `${tilde(place.path, home)} (${place.from})`) },
      commands: [await pathCommand(lookup, agent, best.path)],
    };
  const folders = [best.folder, ...(await interpreterFolder(lookup, agent, best))];
  // What its own file says wins over fleet.env.
  const own = agent.file?.variables[KEY] === undefined ? undefined : agent.file;
  const existing = agent.environment[KEY];
  const value = mosaicPath(existing, folders, home);
  const where = own ?? settings;
  const evidence: ProgramFinding["evidence"] = {
    PATH: path,
    found: usable.slice(0, 5).map((place) => `${tilde(place.path, home)} (${place.from})`),
    "line to add": `${settingLine(KEY, value)}${existing ? "   (in the place of the one that is there)" : ""}`,
  };
  return {
    status,
    message: `${message}; it is in ${tilde(best.folder, home)} (${best.from})`,
    evidence,
    commands: [await setCommand(host, where?.path ?? join(pathsOf(host).site, "fleet.env"), where, KEY, value)],
  };
}

/** Another path in the place of the one that leads nowhere. */
async function pathCommand(lookup: Lookup, agent: Configured, path: string): Promise<string> {
  const { home } = lookup.host.user;
  const { file } = agent;
  if (file?.variables.MOSAIC_RUNTIME_BIN === undefined || agent.program.shell)
    return `${edit(lookup, agent)}   # name ${shellPath(path, home)}`;
  return setCommand(lookup.host, file.path, file, "MOSAIC_RUNTIME_BIN", tilde(path, home));
}

/** The folder of what runs it, where that is not on the PATH either. */
async function interpreterFolder(
  lookup: Lookup,
  agent: Configured,
  best: { readonly folder: string; readonly real: string },
): Promise<string[]> {
  const widened: Configured = { ...agent, program: { ...agent.program, path: [best.folder, ...agent.program.path] } };
  const needs = (await lookup.unfit(best.real, widened))?.interpreter;
  if (needs === undefined) return [];
  const [place] = await lookup.search.find(needs);
  return place === undefined ? [] : [place.folder];
}

/** A program on its PATH, or where a person's programs are, that a typing error may have made this of. */
async function nearName(lookup: Lookup, { program: { path } }: Configured, name: string): Promise<string | undefined> {
  const folders = [...new Set([...path, ...(await lookup.search.places()).map(({ folder }) => folder)])];
  const lists = await Promise.all(
    folders.filter((each) => each !== "").map((each) => lookup.host.files.list(each).catch(() => [])),
  );
  const near = (each: string) => each !== name && Math.abs(each.length - name.length) <= 2 && each[0] === name[0];
  const alike = new Set(lists.flat().filter(near));
  return closest(name, [...alike]);
}

function edit({ host }: Lookup, { file }: Configured): string {
  return editCommand(file?.real ?? join(pathsOf(host).site, "fleet.env"), host.user.home);
}
