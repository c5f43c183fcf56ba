import { basename, join } from "node:path";
import { expandHome } from "../core/agent-program.ts";
import type { Host } from "../core/host.ts";
import { tilde } from "../core/paths.ts";
import { pathAdditions, START_FILES } from "../core/start-files.ts";

type Looks = Pick<Host, "files" | "machine">;

/** What is at a path that should be a program. */
export type ProgramAt =
  | { readonly state: "absent" }
  | { readonly state: "dangling"; readonly target: string }
  | { readonly state: "folder" }
  | { readonly state: "not-executable"; readonly real: string }
  | { readonly state: "there"; readonly real: string };

/** A folder that a person's programs may be in, and how it is known. */
export interface ProgramPlace {
  readonly folder: string;
  /** Such as "PATH of this shell", "~/.bashrc (interactive shell)", "nvm". */
  readonly from: string;
  /** It is there for this login, this shell or this project only: no folder to put into a setting. */
  readonly passing: boolean;
  /** The folder of one version (nvm's, say): the next one has another. */
  readonly pinned: boolean;
}

export interface FoundProgram extends ProgramPlace {
  readonly path: string;
  readonly real: string;
}

/** What runs a program that is a script. */
export interface Interpreter {
  /** As it stands in the first line. */
  readonly program: string;
  /** A name that env looks up on PATH. */
  readonly onPath: boolean;
}

/** As `[ -f ] && [ -x ]` has it: links followed, a folder is no program. */
export async function programAt({ files }: Pick<Host, "files">, path: string): Promise<ProgramAt> {
  // A folder above that may not be entered, or a file in its place, is to a search what nothing is.
  const status = await files.status(path).catch(() => undefined);
  if (status === undefined) return { state: "absent" };
  const real = status.kind === "link" ? await files.realPath(path) : path;
  if (real === undefined) return { state: "dangling", target: (await files.readLink(path)) ?? "" };
  const kind = status.kind === "link" ? (await files.status(real).catch(() => undefined))?.kind : status.kind;
  if (kind === "folder") return { state: "folder" };
  return { state: kind === "file" && (await files.allows(real, "execute")) ? "there" : "not-executable", real };
}

/** Whether a program is on the PATH of this process, as exec() would look for it. */
export async function hasProgram(host: Pick<Host, "files" | "env">, name: string): Promise<boolean> {
  const folders = (host.env.PATH ?? "").split(":").filter((folder) => folder !== "");
  const looked = await Promise.all(folders.map((folder) => programAt(host, join(folder, name))));
  return looked.some(({ state }) => state === "there");
}

/** ELF's number for each machine, with those that it runs besides its own. */
const MACHINES: Readonly<Record<string, readonly number[]>> = {
  x86_64: [62, 3],
  i686: [3],
  i386: [3],
  aarch64: [183, 40],
  armv7l: [40],
  armv6l: [40],
  riscv64: [243],
  ppc64le: [21],
  s390x: [22],
};
const ELF_NAMES: Readonly<Record<number, string>> = {
  3: "i386",
  21: "ppc64",
  22: "s390x",
  40: "arm",
  62: "x86_64",
  183: "aarch64",
  243: "riscv64",
};

/** What a program's first bytes say: for which machine it was made if that is another than this, what runs it. */
export async function programStart(
  host: Looks,
  path: string,
): Promise<{ readonly machine?: string; readonly interpreter?: Interpreter }> {
  const bytes = await host.files.readStart(path, 256).catch(() => undefined); // 0711: it may be run, not read
  if (bytes === undefined || bytes.length < 4) return {};
  if (bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46) {
    const [low = 0, high = 0] = bytes.subarray(18, 20);
    const number = bytes[5] === 2 ? low * 256 + high : high * 256 + low;
    const own = MACHINES[host.machine];
    if (own === undefined || own.includes(number)) return {};
    return { machine: ELF_NAMES[number] ?? `machine ${number}` };
  }
  const line = new TextDecoder().decode(bytes).split("\n")[0] ?? "";
  if (!line.startsWith("#!")) return {};
  const [program = "", ...rest] = line
    .slice(2)
    .trim()
    .split(/[ \t]+/);
  if (line.endsWith("\r")) return { interpreter: { program: `${[program, ...rest].join(" ")}\\r`, onPath: false } };
  if (basename(program) !== "env") return { interpreter: { program, onPath: false } };
  const looked = rest.find((word) => !word.startsWith("-") && !word.includes("="));
  return looked === undefined ? {} : { interpreter: { program: looked, onPath: !looked.includes("/") } };
}

/** Whether the kernel was told how to run programs of other machines (binfmt_misc). */
export async function runsForeign({ files }: Pick<Host, "files">): Promise<boolean> {
  const names = await files.list("/proc/sys/fs/binfmt_misc").catch(() => []);
  return names.some((name) => name !== "status" && name !== "register");
}

/** Where a person's programs are, whatever PATH this process has: read, never run. */
export interface ProgramSearch {
  /** Each folder once, those first that a person's own shell would look in first. */
  places(): Promise<readonly ProgramPlace[]>;
  /** Every place that has it: first those that last, then those of one version, last those that are no folder for a setting. */
  find(name: string): Promise<readonly FoundProgram[]>;
}

type Searched = Pick<Host, "files" | "env" | "user">;

export function programSearch(host: Searched): ProgramSearch {
  return searchOf(host, () => allPlaces(host));
}

/** A search in the folders of a PATH that somebody has told. */
export function searchIn(host: Searched, told: readonly Place[]): ProgramSearch {
  return searchOf(host, async () => placesOf(told, host.user.home));
}

/** Two searches as one. */
export function bothOf(one: ProgramSearch, other: ProgramSearch): ProgramSearch {
  const both = async <T extends { folder: string }>(ask: (search: ProgramSearch) => Promise<readonly T[]>) => {
    const [first, second] = await Promise.all([ask(one), ask(other)]);
    const known = new Set(first.map(({ folder }) => folder));
    return [...first, ...second.filter(({ folder }) => !known.has(folder))];
  };
  return {
    places: () => both((search) => search.places()),
    find: async (name) => (await both((search) => search.find(name))).sort(lastingFirst),
  };
}

/** Asks the disk once, however often it is asked. */
function searchOf(host: Searched, placesThere: () => Promise<readonly ProgramPlace[]>): ProgramSearch {
  let known: Promise<readonly ProgramPlace[]> | undefined;
  const places = () => {
    known ??= placesThere();
    return known;
  };
  // Most folders are not there, and are not asked for each program.
  let there: Promise<readonly ProgramPlace[]> | undefined;
  const existing = async () => {
    const all = await places();
    const statuses = await Promise.all(all.map(({ folder }) => host.files.status(folder).catch(() => undefined)));
    return all.filter((_, index) => statuses[index] !== undefined);
  };
  const look = async (name: string) => {
    there ??= existing();
    const looked = await Promise.all(
      (await there).map(async (place) => {
        const path = join(place.folder, name);
        const at = await programAt(host, path);
        return at.state === "there" ? [{ ...place, path, real: at.real }] : [];
      }),
    );
    return looked.flat().sort(lastingFirst);
  };
  const found = new Map<string, Promise<readonly FoundProgram[]>>();
  return {
    places,
    find(name) {
      const asked = found.get(name) ?? look(name);
      found.set(name, asked);
      return asked;
    },
  };
}

function lastingFirst(a: ProgramPlace, b: ProgramPlace): number {
  const rank = ({ passing, pinned }: ProgramPlace) => 2 * Number(passing) + Number(pinned);
  return rank(a) - rank(b);
}

async function allPlaces(host: Searched): Promise<ProgramPlace[]> {
  const { home } = host.user;
  const groups = await Promise.all([
    (host.env.PATH ?? "").split(":").map((folder) => ({ folder, from: "PATH of this shell" })),
    ofStartFiles(host),
    ofNvm(host),
    ofNpm(host),
    ofOthers(host),
  ]);
  return placesOf(groups.flat(), home);
}

/** Each folder once, absolute, as it was first known. */
function placesOf(known: readonly Place[], home: string): ProgramPlace[] {
  const found = new Map<string, ProgramPlace>();
  for (const { folder, from } of known) {
    const plain = folder.length > 1 ? folder.replace(/\/+$/, "") : folder;
    if (plain.startsWith("/") && !found.has(plain))
      found.set(plain, { folder: plain, from, passing: isPassing(plain, home), pinned: isPinned(plain, home) });
  }
  return [...found.values()];
}

/** fnm's folders of one shell, a runtime folder, a project's own programs. */
function isPassing(folder: string, home: string): boolean {
  if (/fnm_multishells|\/node_modules\/\.bin$|\/\.?venv\/bin$/.test(folder)) return true;
  return !folder.startsWith(`${home}/`) && /^\/(run|tmp|proc|dev|var\/tmp)\//.test(folder);
}

/** A part of its name is a version of several numbers, or the hash that nix makes of one. */
function isPinned(folder: string, home: string): boolean {
  const below = folder.startsWith(`${home}/`) ? folder.slice(home.length) : folder;
  return /\d+\.\d+|^\/nix\/store\//.test(below);
}

type Place = Pick<ProgramPlace, "folder" | "from">;
type Reads = Pick<Host, "files" | "env" | "user">;

/** What cannot be read says nothing, here: a search is no check. Nor does a pipe, which would be waited for. */
async function textOf({ files }: Reads, path: string): Promise<string | undefined> {
  try {
    const status = await files.status(path);
    const real = status?.kind === "link" ? await files.realPath(path) : path;
    const kind = status?.kind === "link" && real !== undefined ? (await files.status(real))?.kind : status?.kind;
    return kind === "file" ? await files.read(path) : undefined;
  } catch {
    return undefined;
  }
}

async function namesIn({ files }: Reads, folder: string): Promise<string[]> {
  return files.list(folder).catch(() => []);
}

async function ofStartFiles(host: Reads): Promise<Place[]> {
  const { home } = host.user;
  const more = (await namesIn(host, "/etc/profile.d"))
    .filter((name) => name.endsWith(".sh"))
    .map((name) => ({ path: `/etc/profile.d/${name}`, shell: "login shell" as const }));
  const read = await Promise.all(
    [...START_FILES, ...more].map(async ({ path, shell }) => {
      const text = await textOf(host, expandHome(path, home));
      return pathAdditions(text ?? "", home).map((folder) => ({ folder, from: `${path} (${shell})` }));
    }),
  );
  return read.flat();
}

async function ofNvm(host: Reads): Promise<Place[]> {
  const root = host.env.NVM_DIR || join(host.user.home, ".nvm");
  const versions = (await namesIn(host, join(root, "versions/node"))).sort(newestFirst);
  if (versions.length === 0) return [];
  const chosen = await nvmAlias(host, root, "default", versions);
  const ordered = chosen === undefined ? versions : [chosen, ...versions.filter((version) => version !== chosen)];
  return [
    { folder: join(root, "current/bin"), from: "nvm, current" }, // where NVM_SYMLINK_CURRENT is set
    ...ordered.map((version) => ({
      folder: join(root, "versions/node", version, "bin"),
      from: version === chosen ? `nvm, default ${version}` : `nvm, ${version}`,
    })),
  ];
}

/** The installed version that an alias means: "22" is the newest v22, "lts/*" another alias, "node" the newest. */
async function nvmAlias(
  host: Reads,
  root: string,
  alias: string,
  versions: readonly string[],
  depth = 0,
): Promise<string | undefined> {
  const text = (await textOf(host, join(root, "alias", alias)))?.trim();
  if (!text || depth > 5) return undefined;
  if (text === "node" || text === "stable") return versions[0];
  const wanted = text.startsWith("v") ? text : `v${text}`;
  return (
    versions.find((version) => version === wanted || version.startsWith(`${wanted}.`)) ??
    (text.includes("..") ? undefined : nvmAlias(host, root, text, versions, depth + 1))
  );
}

function newestFirst(a: string, b: string): number {
  return b.localeCompare(a, "en", { numeric: true });
}

async function ofNpm(host: Reads): Promise<Place[]> {
  const { home } = host.user;
  const lines = ((await textOf(host, join(home, ".npmrc"))) ?? "").split("\n");
  const written = lines
    .map((line) => /^\s*prefix\s*=\s*(.+?)\s*$/.exec(line)?.[1])
    .findLast((value) => value !== undefined);
  const prefix = written?.replace(/^["']|["']$/g, "").replace(/\$\{HOME\}/g, home);
  const set = host.env.npm_config_prefix ?? host.env.NPM_CONFIG_PREFIX;
  return [
    ...(set ? [{ folder: join(expandHome(set, home), "bin"), from: "npm prefix ($npm_config_prefix)" }] : []),
    ...(prefix ? [{ folder: join(expandHome(prefix, home), "bin"), from: "npm prefix (~/.npmrc)" }] : []),
    { folder: join(home, ".npm-global/bin"), from: "npm prefix" },
  ];
}

/** The usual folders of installers and version managers; a variable of the tool's own comes first. */
const USUAL: readonly {
  readonly from: string;
  readonly folder: string;
  readonly variable?: string;
  readonly below?: string;
}[] = [
  { from: "the usual folder", folder: "~/.local/bin" },
  { from: "the usual folder", folder: "~/bin" },
  { from: "mise", variable: "MISE_DATA_DIR", folder: "~/.local/share/mise", below: "shims" },
  { from: "asdf", variable: "ASDF_DATA_DIR", folder: "~/.asdf", below: "shims" },
  { from: "volta", variable: "VOLTA_HOME", folder: "~/.volta", below: "bin" },
  { from: "fnm", variable: "FNM_DIR", folder: "~/.local/share/fnm", below: "aliases/default/bin" },
  { from: "fnm", folder: "~/.fnm/aliases/default/bin" },
  { from: "n", variable: "N_PREFIX", folder: "~/n", below: "bin" },
  { from: "pnpm", variable: "PNPM_HOME", folder: "~/.local/share/pnpm" },
  { from: "bun", variable: "BUN_INSTALL", folder: "~/.bun", below: "bin" },
  { from: "deno", variable: "DENO_INSTALL", folder: "~/.deno", below: "bin" },
  { from: "yarn", folder: "~/.yarn/bin" },
  { from: "cargo", variable: "CARGO_HOME", folder: "~/.cargo", below: "bin" },
  { from: "go", variable: "GOBIN", folder: "~/go/bin" },
  { from: "its own installer", folder: "~/.claude/local" },
  { from: "its own installer", folder: "~/.opencode/bin" },
  { from: "nix", folder: "~/.nix-profile/bin" },
  { from: "nix", folder: "/nix/var/nix/profiles/default/bin" },
  { from: "homebrew", variable: "HOMEBREW_PREFIX", folder: "/home/linuxbrew/.linuxbrew", below: "bin" },
  { from: "homebrew", folder: "~/.linuxbrew/bin" },
  { from: "snap", folder: "/snap/bin" },
  { from: "the usual folder", folder: "/usr/local/bin" },
];

async function ofOthers(host: Reads): Promise<Place[]> {
  const { home } = host.user;
  const usual = USUAL.flatMap(({ from, folder, variable, below = "" }) => {
    const set = variable === undefined ? undefined : host.env[variable];
    return [...(set ? [set] : []), folder].map((root) => ({ folder: join(expandHome(root, home), below), from }));
  });
  const opt = (await namesIn(host, "/opt")).map((name) => ({ folder: join("/opt", name, "bin"), from: "/opt" }));
  return [...usual, ...opt];
}

/** A MOSAIC_PATH with these folders added behind those it has; the home folder is ~, which the scripts understand. */
export function mosaicPath(existing: string | undefined, folders: readonly string[], home: string): string {
  const had = existing ? existing.split(":") : [];
  const has = new Set(had.map((folder) => expandHome(folder, home)));
  return [...had, ...folders.filter((folder) => !has.has(folder)).map((folder) => tilde(folder, home))].join(":");
}
