import { dirname, join } from "node:path";
import { askLoginShell } from "../adapters/login-shell.ts";
import { type Writers, writersOf } from "../adapters/permissions.ts";
import {
  bothOf,
  type FoundProgram,
  mosaicPath,
  type ProgramSearch,
  programAt,
  programSearch,
  programStart,
  searchIn,
} from "../adapters/program-search.ts";
import { sha256 } from "../adapters/sum.ts";
import { expandHome } from "../core/agent-program.ts";
import { settingLine, unwritable } from "../core/env-edit.ts";
import { assignedValue, parseEnvFile } from "../core/env-file.ts";
import type { Host } from "../core/host.ts";
import { pathsOf, tilde } from "../core/paths.ts";
import { LAUNCHER, RUNTIMES } from "../core/runtimes.ts";
import { shellPath } from "../core/shell.ts";
import { hasInvisible } from "../core/visible.ts";
import type { Step } from "./action.ts";
import type { Receipt } from "./receipt.ts";

/** What becomes of fleet.env, in which agents are told where their programs are. */
export interface Seed {
  readonly steps: readonly Step[];
  /** What to know besides, a line each. */
  readonly notes: readonly string[];
  /** Whether it is there now. */
  readonly there: boolean;
}

/** Looks as often as it is asked, at what may have changed since: fleet.env, and what the user has answered. */
type Seeder = (
  /** PATH of what the user manager starts. */
  path: readonly string[],
  recorded: Receipt | undefined,
  said: { declined: boolean; restore: boolean },
) => Promise<Seed>;

const KEY = "MOSAIC_PATH";
const PROGRAMS = [...RUNTIMES, LAUNCHER];

function fleetEnvOf(host: Pick<Host, "env" | "user">): string {
  return join(pathsOf(host).site, "fleet.env");
}

/** Finds the folders of the agent programs that a pane would not find. The search has begun when this returns. */
export function seederOf(host: Host): Seeder {
  const file = fleetEnvOf(host);
  const search = programSearch(host);
  for (const name of PROGRAMS) search.find(name).catch(() => undefined); // told to whoever asks for it
  let shell: ReturnType<typeof askLoginShell> | undefined;
  return async (path, recorded, { declined, restore }) => {
    const there = (await host.files.status(file)) !== undefined;
    // It costs what the user's start files cost: only for a line that is to be written.
    if (!there) shell ??= askLoginShell(host);
    const said = await shell;
    const from = `the login shell, ${said?.shell}`;
    const told = (Array.isArray(said?.said) ? said.said : []).map((folder) => ({ folder, from }));
    const bytes = there ? await settingsIn(host, file) : new Uint8Array();
    if (bytes === undefined) return { steps: [], notes: [], there };
    const existing = assignedValue(parseEnvFile(bytes), KEY);
    const proposal = await propose(host, bothOf(search, searchIn(host, told)), { existing, path });
    const notes = [...proposal.refused, ...silence(said)];
    if (proposal.folders.length === 0)
      return { steps: [], notes: proposal.none && !there ? [...notes, NONE] : notes, there };
    const removed = recorded?.seeded !== undefined && recorded.seeded.added === undefined && !restore;
    return { steps: [stepOf(host, proposal, { there, removed, declined })], notes, there };
  };
}

/** What cannot be read is doctor's to tell; and what is no file is not waited for. */
async function settingsIn({ files }: Host, path: string): Promise<Uint8Array | undefined> {
  try {
    const real = await files.realPath(path);
    const status = real === undefined ? undefined : await files.status(real);
    return status?.kind === "file" ? await files.readBytes(path) : undefined;
  } catch {
    return undefined;
  }
}

const NONE = `No agent program was found (${RUNTIMES.slice(0, 4).join(", ")} …). Once there is one, install writes down where`;

function silence(said: Awaited<ReturnType<typeof askLoginShell>>): string[] {
  if (typeof said?.said !== "string") return [];
  return [`Left out: the PATH of your login shell, ${said.shell}, which ${said.said}`];
}

/** A folder for MOSAIC_PATH, and what is in it. */
interface Proposed {
  readonly place: FoundProgram;
  readonly programs: string[];
}

interface Proposal {
  /** The value of MOSAIC_PATH with the folders in it. */
  readonly value: string;
  readonly folders: readonly Proposed[];
  readonly refused: readonly string[];
  /** Nowhere is any agent program. */
  readonly none: boolean;
}

async function propose(
  host: Host,
  search: ProgramSearch,
  { existing, path }: { existing: string | undefined; path: readonly string[] },
): Promise<Proposal> {
  const { home } = host.user;
  const pane = [...(existing ? existing.split(":").map((folder) => expandHome(folder, home)) : []), ...path];
  const places = new Set((await search.places()).map(({ folder }) => folder));
  const elsewhere = pane.filter((folder) => folder.startsWith("/") && !places.has(folder));
  const folders = new Map<string, Proposed>();
  const refused = new Map<string, string>();
  const isFound = async (name: string, found: readonly FoundProgram[]) => {
    if (found.some(({ folder }) => pane.includes(folder) || folders.has(folder))) return true;
    const looked = await Promise.all(elsewhere.map((folder) => programAt(host, join(folder, name))));
    return looked.some(({ state }) => state === "there");
  };
  const choose = async (name: string, found: readonly FoundProgram[]): Promise<FoundProgram | undefined> => {
    for (const place of found.filter(({ passing }) => !passing)) {
      const why = await unfit(host, place.folder);
      if (why === undefined) return place;
      if (!refused.has(place.folder))
        refused.set(place.folder, `Left out: ${shellPath(place.folder, home)}, where ${name} is: ${why}`);
    }
    return undefined;
  };
  const add = async (name: string, found: readonly FoundProgram[]): Promise<void> => {
    const known = found.find(({ folder }) => folders.has(folder));
    if (known !== undefined) folders.get(known.folder)?.programs.push(name);
    if (await isFound(name, found)) return;
    const place = await choose(name, found);
    if (place === undefined) return;
    folders.set(place.folder, { place, programs: [name] });
    // A script whose interpreter is not found ends at once.
    const { interpreter } = await programStart(host, place.real);
    if (interpreter?.onPath) await add(interpreter.program, await search.find(interpreter.program));
  };
  const found = await Promise.all(PROGRAMS.map((name) => search.find(name)));
  for (const [index, name] of PROGRAMS.entries()) await add(name, found[index] ?? []);
  const value = mosaicPath(existing, [...folders.keys()], home);
  const none = found.every((places) => places.length === 0) && !(await any(PROGRAMS, (name) => isFound(name, [])));
  return { value, folders: [...folders.values()], refused: [...refused.values()], none };
}

async function any<T>(items: readonly T[], is: (item: T) => Promise<boolean>): Promise<boolean> {
  return (await Promise.all(items.map(is))).includes(true);
}

const STICKY = 0o1000;

/** Why a folder is none to take programs from; undefined where nothing speaks against it. */
async function unfit(host: Host, folder: string): Promise<string | undefined> {
  if (folder.includes(":")) return "no list of folders can hold a colon";
  if (hasInvisible(folder) || unwritable(folder) !== undefined) return "its name has in it what cannot be seen";
  const real = await host.files.realPath(folder);
  if (real === undefined) return "it cannot be reached";
  const writers = await writersOf(host);
  for (const path of new Set([...upwards(folder), ...upwards(real)])) {
    const status = await host.files.status(path);
    const found = status && writers(status);
    // In a sticky folder above, others can add, but neither rename nor replace what is not theirs.
    const sticky = status !== undefined && (status.mode & STICKY) !== 0 && path !== folder && path !== real;
    if (found !== undefined && !(sticky && found.kind !== "owner")) return because(found, path, folder, host.user.home);
  }
  return undefined;
}

function because({ kind, who }: Writers, path: string, folder: string, home: string): string {
  const it = path === folder ? "it" : shellPath(path, home);
  return kind === "owner"
    ? `${it} belongs to ${who}`
    : `${who} may write to ${it} (chmod go-w ${shellPath(path, home)})`;
}

function upwards(path: string): string[] {
  return path === dirname(path) ? [path] : [path, ...upwards(dirname(path))];
}

/** Written where there is none; said where there is one, where the user has removed ours, or does not want it. */
function stepOf(
  host: Host,
  { value, folders }: Proposal,
  { there, removed, declined }: { there: boolean; removed: boolean; declined: boolean },
): Step {
  const { home } = host.user;
  const path = fleetEnvOf(host);
  const line = settingLine(KEY, value);
  const notes = folders.map(({ place, programs }) => {
    const version = place.pinned ? ", until its version changes" : "";
    return `${programs.join(", ")}: ${tilde(place.folder, home)} (${place.from})${version}`;
  });
  const text = [
    "# Settings of the whole fleet. Written by mosaic-fleet install, yours from now on. Read by systemd: no export, no $HOME.",
    "# Folders in which agents look for programs before those of the user manager's PATH:",
    ...notes.map((note) => `#   ${note.replace(/[^\x20-\x7e]|\\/g, "?")}`),
    `${line}\n`,
  ].join("\n");
  const action = { kind: "seed-file", path, mode: 0o600, text, sha256: sha256(text) } as const;
  if (!(there || removed || declined)) return { action, change: "create", notes: [line, ...notes] };
  const where = folders.map(({ place, programs }) => `${programs.join(", ")} (${tilde(place.folder, home)})`);
  const why = there ? "it is yours" : removed ? "you have removed it: it stays removed" : "you did not want it";
  return {
    action,
    change: "keep",
    kept: "own",
    why: `${why}; agents do not find ${where.join(", ")}`,
    next: `\${EDITOR:-vi} ${shellPath(path, home)}   # ${line}`,
  };
}
