import { basename, dirname, join } from "node:path";
import type { FileStatus, Host } from "../core/host.ts";
import { agentOfUnit } from "../core/names.ts";

/** The files of our units and their drop-ins, in every folder that the manager reads. */
export interface UnitFiles {
  /** The drop-ins that systemd merges into a unit, in the order in which it reads them. */
  dropIns(unit: string): string[];
  /** Where a unit's own file is, the one that wins first. */
  ownFiles(unit: string): string[];
  /** Whether a unit has a file or drop-ins that another instance of its template has not. */
  hasOwn(unit: string): boolean;
  /** Agents with drop-ins or a unit file of their own. */
  readonly agents: readonly string[];
  /** The text of one of them; undefined when there is nothing. Throws what the system says. */
  text(path: string): Promise<string | undefined>;
  /** Whether one of its drop-ins is none: systemd then always says that the unit needs a reload. */
  hasOdd(unit: string): Promise<boolean>;
  /**
   * When anything of which a unit is made was last written, in milliseconds since 1970: files, and what is in folders.
   * `byOthers`: without what the manager itself writes for set-property, which is in force at once.
   */
  writtenAt(unit: string, byOthers?: boolean): Promise<number>;
}

/** Drop-ins for services of every name. */
const EVERY_SERVICE = "service.d";

/** The manager itself writes there, all the time. */
const CHANGING = /\/(transient|generator(\.early|\.late)?)$/;
/** Of set-property. */
const CONTROL = /\/user\.control(\/|$)/;

/** Folders of drop-ins that systemd merges into a unit, those that win first: "mosaic-.service.d" is for a-b and a-c. */
function dropInFolders(unit: string): string[] {
  const at = unit.indexOf("@");
  const template = at < 0 ? [] : [...withPrefixes(`${unit.slice(0, at + 1)}.service`)];
  const [own, ...prefixes] = withPrefixes(unit);
  return [own ?? unit, ...template, ...prefixes].map((name) => `${name}.d`);
}

function withPrefixes(unit: string): string[] {
  const end = unit.includes("@") ? unit.indexOf("@") : unit.lastIndexOf(".");
  const names = [unit];
  for (let dash = unit.lastIndexOf("-", end - 1); dash > 0; dash = unit.lastIndexOf("-", dash - 1))
    names.push(unit.slice(0, dash + 1) + unit.slice(end));
  return names;
}

/** A drop-in as systemd calls it: the folder that it is in without links (/etc/xdg/systemd/user is one on Debian). */
export async function namedBySystemd({ files }: Pick<Host, "files">, path: string): Promise<string> {
  return join((await files.realPath(dirname(path))) ?? dirname(path), basename(path));
}

/** Whether a line that names a file of a unit is about one of ours, or of every service. */
export function isAboutOurs(line: string): boolean {
  return /mosaic-(tmux-holder|agent@)|(^|\/)(mosaic-[^/]*)?service\.d\//.test(line);
}

/** A folder of drop-ins that is there. */
interface Folder {
  readonly path: string;
  /** Where the folder that it is in comes among those that the manager reads. */
  readonly at: number;
  readonly names: readonly string[];
}

export async function readUnitFiles(host: Host, unitPath: readonly string[]): Promise<UnitFiles> {
  const ours = /^(service|mosaic-.*\.service)\.d$/;
  const agents = new Set<string>();
  /** By what they are called. */
  const folders = new Map<string, Folder[]>();
  const unitFiles = new Set<string>();
  const unitNames = new Set<string>();
  const readEntry = async (parent: string, at: number, name: string) => {
    const isFolder = ours.test(name);
    const agent = agentOfUnit(isFolder ? name.slice(0, -2) : name);
    if (agent !== undefined) agents.add(agent);
    const path = join(parent, name);
    if (!isFolder) {
      if (!name.startsWith("mosaic-")) return;
      unitFiles.add(path);
      unitNames.add(name);
      return;
    }
    const folder = { path, at, names: await host.files.list(path) };
    folders.set(name, [...(folders.get(name) ?? []), folder]);
  };
  await Promise.all(
    unitPath.map(async (parent, at) =>
      Promise.all((await host.files.list(parent)).map((name) => readEntry(parent, at, name))),
    ),
  );
  const texts = new Map<string, Promise<string | undefined>>();
  const times = new Map<string, Promise<number>>();
  const ask = <T>(answers: Map<string, Promise<T>>, path: string, look: () => Promise<T>): Promise<T> => {
    const answer = answers.get(path) ?? look();
    answers.set(path, answer);
    return answer;
  };
  const called = (name: string) => [...(folders.get(name) ?? [])].sort((one, other) => one.at - other.at);
  // By where they are, and in one place the more special first: so sort() leaves them.
  const foldersOf = (unit: string) => [
    ...dropInFolders(unit)
      .flatMap(called)
      .sort((one, other) => one.at - other.at),
    ...called(EVERY_SERVICE),
  ];
  const dropIns = (unit: string) => {
    const winners = new Map<string, string>();
    for (const { path, names } of foldersOf(unit))
      for (const name of names) if (name.endsWith(".conf") && !winners.has(name)) winners.set(name, join(path, name));
    return [...winners].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, path]) => path);
  };
  const ownFiles = (unit: string) => unitPath.map((folder) => join(folder, unit)).filter((path) => unitFiles.has(path));
  return {
    dropIns,
    ownFiles,
    hasOwn: (unit) => unitNames.has(unit) || withPrefixes(unit).some((name) => folders.has(`${name}.d`)),
    agents: [...agents].sort(),
    text: (path) => ask(texts, path, () => host.files.read(path)),
    async hasOdd(unit) {
      const kinds = await Promise.all(dropIns(unit).map(async (path) => (await followed(host, path))?.kind));
      return kinds.some((kind) => kind === undefined || kind === "folder");
    },
    async writtenAt(unit, byOthers = false) {
      const template = unit.replace(/@.*\./, "@.");
      const made = [...ownFiles(unit), ...ownFiles(template), ...dropIns(unit)];
      const parents = unitPath.filter((folder) => !CHANGING.test(folder));
      const all = [...made, ...foldersOf(unit).map(({ path }) => path), ...parents];
      const paths = byOthers ? all.filter((path) => !CONTROL.test(path)) : all;
      return Math.max(...(await Promise.all(paths.map((path) => ask(times, path, () => modified(host, path))))));
    },
  };
}

async function modified(host: Host, path: string): Promise<number> {
  const status = await followed(host, path);
  return status?.modified ?? 0;
}

/** What is at a path, links followed. */
async function followed(host: Host, path: string): Promise<FileStatus | undefined> {
  const status = await host.files.status(path);
  if (status?.kind !== "link") return status;
  const target = await host.files.realPath(path);
  return target === undefined ? undefined : host.files.status(target);
}
