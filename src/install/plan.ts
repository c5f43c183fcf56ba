import { basename, dirname } from "node:path";
import { HOLDER_UNIT } from "../core/names.ts";
import { moveAside, shellWord } from "../core/shell.ts";
import { changes, type Plan, type Step, type WriteFile } from "./action.ts";
import { besideOf, type Decisions, type Found, judge, type WantedFile } from "./judge.ts";
import { knownSums, type Receipt, type Records } from "./receipt.ts";

export interface PlanInput extends Decisions {
  readonly wanted: readonly WantedFile[];
  readonly folders: readonly string[];
  /** Of every path in the two above, of every file in the receipt, and of what lies beside them: see pathsToLookAt(). */
  readonly found: ReadonlyMap<string, Found>;
  /** Folders of the layout that lead out of the home and config folders, and the link that does it. */
  readonly leadOut: ReadonlyMap<string, string>;
  readonly recorded: Receipt | undefined;
  /** Conflicts of which this knows nothing: see othersIn(). */
  readonly unsafe: readonly Step[];
  /** What becomes of fleet.env. */
  readonly seed: readonly Step[];
  readonly enable: boolean;
  readonly enabled: boolean;
  readonly now: boolean;
  readonly running: boolean;
  readonly linger: boolean;
  readonly lingers: boolean;
}

/** What planInstall() wants to know about. */
export function pathsToLookAt(input: Pick<PlanInput, "wanted" | "folders" | "recorded">): string[] {
  const files = [...input.wanted.map(({ path }) => path), ...(input.recorded?.files ?? []).map(({ path }) => path)];
  return [...new Set([...foldersOf(input).flatMap(upwards), ...files, ...files.map(besideOf)])];
}

/** A path and all that it is in, from the inside out. */
function upwards(path: string): string[] {
  return path === dirname(path) ? [path] : [path, ...upwards(dirname(path))];
}

/** Every folder that has a file of the layout in it, or is wanted for itself. */
export function foldersOf({
  wanted,
  folders,
}: {
  readonly wanted: readonly Pick<WantedFile, "path">[];
  readonly folders: readonly string[];
}): string[] {
  return [...new Set([...folders, ...wanted.map(({ path }) => dirname(path))])];
}

/** A plan, and what the receipt says of it while it is not done. */
export type LayoutPlan = Plan & Pick<Records, "removed" | "undecided">;

/** Wanted, recorded and found become actions. Pure: nothing is looked up and nothing is done. */
export function planInstall(input: PlanInput): LayoutPlan {
  const judged = input.wanted.map((file) => ({
    file,
    judgement: judge(file, input.found, input.recorded, input),
  }));
  const removed = judged.flatMap(({ file, judgement }) => (judgement === "removed" ? [file.path] : []));
  const folders = eachOnce(foldersOf(input).flatMap((path) => planFolder(path, input, removed)));
  const all = [...judged.flatMap(({ file, judgement }) => planFile(file, judgement, input)), ...planDropped(input)];
  // The user's versions are kept before anything takes the place of anything.
  const isCopy = ({ action }: Step) => action.kind === "keep-copy";
  const files = [...all.filter(isCopy), ...all.filter((step) => !isCopy(step))];
  // A run that was killed may have written files that the manager has not read.
  const reload = input.recorded?.phase === "applying" || changes({ steps: files }).length > 0;
  const ask = (wanted: boolean, so: boolean, action: Step["action"]): Step[] =>
    wanted ? [{ action, change: so ? "none" : "update" }] : [];
  return {
    steps: [
      ...input.unsafe,
      ...folders,
      ...files,
      ...input.seed,
      { action: { kind: "daemon-reload" }, change: reload ? "update" : "none" },
      ...ask(input.linger, input.lingers, { kind: "linger", on: true }),
      ...ask(input.enable, input.enabled, { kind: "enable", units: [HOLDER_UNIT] }),
      ...ask(input.now, input.running, { kind: "start", units: [HOLDER_UNIT] }),
    ],
    removed,
    undecided: undecidedBy(files, input.recorded),
  };
}

/** Files of which ours will no longer lie beside them. */
export function undecidedBy(steps: readonly Step[], recorded: Receipt | undefined): string[] {
  const gone = new Set(steps.flatMap(({ action }) => (action.kind === "remove-file" ? [action.path] : [])));
  return (recorded?.files ?? []).flatMap(({ path }) => (gone.has(besideOf(path)) ? [path] : []));
}

/** What is in the way of two folders is said once. */
function eachOnce(steps: readonly Step[]): Step[] {
  const said = new Set<string>();
  return steps.filter((step) => {
    if (step.change !== "conflict") return true;
    const isNew = !said.has(step.next);
    said.add(step.next);
    return isNew;
  });
}

/** What is more than a name to glob(3), by which systemd reads EnvironmentFile=. */
const PATTERN = /[*?[\\]/;

function planFolder(path: string, input: PlanInput, removed: readonly string[]): Step[] {
  const kind = input.found.get(path)?.status?.kind;
  const action = { kind: "make-folder", path } as const;
  const inTheWay = (what: string, why: string): Step[] => [
    { action, change: "conflict", why, next: moveAside(what, "yours") },
  ];
  const isInTheWay = (each: string) => !["folder", "link", undefined].includes(input.found.get(each)?.status?.kind);
  const file = upwards(path).find(isInTheWay);
  if (file !== undefined) return inTheWay(file, "a file is in the place of this folder, or of one that it is in");
  const inIt = input.wanted.filter((file) => dirname(file.path) === path);
  // All of it removed by the user: then not even an empty folder comes back.
  if (kind === undefined && inIt.length > 0 && inIt.every((file) => removed.includes(file.path))) return [];
  if (basename(path) === "agents" && PATTERN.test(path))
    return [
      {
        action,
        change: "conflict",
        why: "systemd takes the name of a settings file for a pattern, in which *, ?, [ and \\ are signs: it would read none in here",
        next: 'sudo usermod --move-home --home /home/NAME "$USER"   # a home, or XDG_CONFIG_HOME, with none of them in its name',
      },
    ];
  const link = input.leadOut.get(path);
  if (link !== undefined)
    return inTheWay(link, "a link leads out of your home and config folders here, and is not followed");
  return [{ action, change: kind === undefined ? "create" : "none" }];
}

function planFile(file: WantedFile, judgement: ReturnType<typeof judge>, input: PlanInput): Step[] {
  const there = input.found.get(file.path);
  const action: WriteFile = { kind: "write-file", ...file, over: there?.sha256 ?? null };
  const was = there?.text === undefined ? {} : { was: there.text };
  const aside = moveAside(file.path, "yours");
  const keep = (kept: "edited" | "removed" | "undecided", why: string, next: string): Step => ({
    action,
    change: "keep",
    kept,
    why,
    next,
    ...was,
  });
  switch (judgement) {
    case "create":
      return [{ action, change: "create" }, ...clearBeside(file.path, input)];
    case "same":
      return [{ action, change: "none" }, ...clearBeside(file.path, input)];
    case "mode":
    case "update":
      return [{ action, change: "update", ...was, ...modeNote(file, there) }, ...clearBeside(file.path, input)];
    case "taken": {
      const sha256 = there?.sha256 ?? "";
      const to = `${file.path}.mosaic-old-${sha256.slice(0, 8)}`;
      const copy: Step = { action: { kind: "keep-copy", path: file.path, sha256, to }, change: "create", ...was };
      return [copy, { action, change: "update", ...was }, ...clearBeside(file.path, input)];
    }
    case "edited":
      return [
        keep(
          "edited",
          `you have changed it: yours stays${dropIn(file.path)}`,
          `mosaic-fleet install --take ${shellWord(file.path)}`,
        ),
        ...clearBeside(file.path, input),
      ];
    case "removed":
      return [keep("removed", "you have removed it: it stays removed", "mosaic-fleet install --restore")];
    case "undecided":
      return [
        keep(
          "undecided",
          `you and this version have changed it: yours stays, ours is put beside it; it is decided when that is gone${dropIn(file.path)}`,
          `diff -u ${shellWord(file.path)} ${shellWord(besideOf(file.path))}`,
        ),
        ...putBeside(file, input),
      ];
    case "not-a-file":
      return [{ action, change: "conflict", why: inThePlaceOf(there), next: aside }];
    case "foreign":
      return [
        {
          action,
          change: "conflict",
          why: "this file is there and was not written by mosaic-fleet",
          next: aside,
          ...was,
        },
      ];
  }
}

/** What no diff shows. */
function modeNote({ mode }: WantedFile, there: Found | undefined): Pick<Step, "notes"> {
  const is = there?.status?.mode ?? mode;
  return is === mode ? {} : { notes: [`mode ${is.toString(8)} becomes ${mode.toString(8)}`] };
}

/** A change of a unit needs no change of its file. */
function dropIn(path: string): string {
  const unit = basename(path);
  return unit.endsWith(".service") ? `; a drop-in outlasts every version: systemctl --user edit ${unit}` : "";
}

function inThePlaceOf(there: Found | undefined): string {
  const kind = there?.status?.kind;
  if (kind === "file") return "a file is here that cannot be read";
  return `${kind === "other" ? "a pipe or a device" : `a ${kind}`} is in the place of this file`;
}

function putBeside(file: WantedFile, input: PlanInput): Step[] {
  const path = besideOf(file.path);
  const there = input.found.get(path);
  const { mode, text, sha256 } = file;
  const action: WriteFile = { kind: "write-file", path, mode, text, sha256, over: there?.sha256 ?? null };
  if (there?.status === undefined) return [{ action, change: "create" }];
  if (there.sha256 === sha256) return [{ action, change: "none" }];
  const was = there.text === undefined ? {} : { was: there.text };
  if (there.sha256 !== undefined && knownSums(input.recorded, file.path).includes(there.sha256))
    return [{ action, change: "update", ...was }];
  return [
    {
      action,
      change: "conflict",
      why: "this file is not ours, and in the way",
      next: moveAside(path, "yours"),
      ...was,
    },
  ];
}

/** What was put beside a file has been dealt with. */
function clearBeside(file: string, input: Pick<PlanInput, "found" | "recorded">): Step[] {
  const path = besideOf(file);
  const there = input.found.get(path);
  const sums = knownSums(input.recorded, file);
  if (there?.sha256 === undefined || there.text === undefined || !sums.includes(there.sha256)) return [];
  return [{ action: { kind: "remove-file", path, sums }, change: "remove", was: there.text }];
}

/** Files of the layout before that this one does not have. */
function planDropped(input: PlanInput): Step[] {
  const wanted = new Set(input.wanted.map(({ path }) => path));
  const why = "this version does not have it any more, but you have changed it: it stays";
  return (input.recorded?.files ?? []).flatMap(({ path }) => (wanted.has(path) ? [] : planRemoval(path, why, input)));
}

/** A file that is no longer wanted goes if it is ours, and what was put beside it. */
export function planRemoval(path: string, why: string, input: Pick<PlanInput, "found" | "recorded">): Step[] {
  const there = input.found.get(path);
  const sums = knownSums(input.recorded, path);
  const action = { kind: "remove-file", path, sums } as const;
  if (there?.status === undefined) return clearBeside(path, input);
  const was = there.text === undefined ? {} : { was: there.text };
  const step: Step =
    there.sha256 !== undefined && sums.includes(there.sha256)
      ? { action, change: "remove", ...was }
      : {
          action,
          change: "keep",
          kept: "dropped",
          why,
          next: `rm ${there.status.kind === "folder" ? "-r " : ""}${shellWord(path)}`,
          ...was,
        };
  return [step, ...clearBeside(path, input)];
}

/** Takes back what a run that was killed had written, and nobody was told of: only as long as it is as it was. */
export function unseed(recorded: Receipt | undefined, found: ReadonlyMap<string, Found>): Step[] {
  const { seeded } = recorded ?? {};
  const there = seeded && found.get(seeded.path);
  if (!seeded?.added || there?.sha256 !== seeded.sha256) return [];
  const action = { kind: "remove-file", path: seeded.path, sums: [seeded.sha256] } as const;
  return [{ action, change: "remove", ...(there.text === undefined ? {} : { was: there.text }) }];
}
