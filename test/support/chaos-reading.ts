import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import type { TestFleet } from "./fleet.ts";

// For test/e2e/chaos.test.ts. What is read here is read by systemctl, tmux and /proc alone: no code of src, which is what
// is on trial.

/** One agent as it is. */
export interface Reading {
  readonly active: string;
  readonly restarts: number;
  readonly enabled: boolean;
  /** Of the agent's pane, where a program runs in that. */
  readonly pid: number | null;
  /** That program is in the agent's unit. */
  readonly inUnit: boolean;
  /** Every process that runs the agent's command, wherever it is. */
  readonly programs: readonly number[];
}

/** What one agent runs, and nobody else: `seconds` tells its processes from all others. */
export interface Victim {
  readonly name: string;
  readonly unit: string;
  readonly seconds: number;
}

/** The whole fleet at one moment; undefined while anything is on its way. */
export async function readQuiet(
  fleet: TestFleet,
  victims: readonly Victim[],
): Promise<Map<string, Reading> | undefined> {
  const units = ["mosaic-tmux-holder.service", ...victims.map(({ unit }) => unit)];
  const shown = await fleet.systemctl("show", "-p", "Id,ActiveState,SubState,Job,NRestarts,UnitFileState", ...units);
  const properties = shown.stdout
    .trim()
    .split("\n\n")
    .map(
      (block) =>
        new Map(block.split("\n").map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)])),
    );
  const states = new Map(properties.map((each) => [each.get("Id") ?? "", each]));
  if (states.get("mosaic-tmux-holder.service")?.get("ActiveState") !== "active") return undefined;
  const settled = ["active", "inactive", "failed"];
  for (const each of properties)
    if (!settled.includes(each.get("ActiveState") ?? "") || (each.get("Job") ?? "") !== "") return undefined;
  const panes = await fleet.tmuxCommand(
    "list-panes",
    "-a",
    "-F",
    "#{session_name} #{@mosaic_agent} #{pane_dead} #{pane_pid}",
  );
  if (panes.kind !== "exited" || (panes.code !== 0 && !panes.stderr.includes("no current target"))) return undefined;
  const shownPanes = panes.stdout.split("\n").map((line) => line.split(" "));
  /** Of its own pane; where its session has none, of the first one in it. */
  const liveIn = (name: string) => {
    const all = shownPanes.filter(([session]) => session === name);
    const [, , dead, pid] = all.find(([, own]) => own === "1") ?? all[0] ?? [];
    return dead === "0" ? Number(pid) : null;
  };
  const sleepers = sleepersOf(basename(fleet.root));
  return new Map(
    victims.map(({ name, unit, seconds }): [string, Reading] => {
      const state = states.get(unit);
      const pid = liveIn(name);
      const group = pid === null ? "" : (text(`/proc/${pid}/cgroup`) ?? "");
      return [
        name,
        {
          active: state?.get("ActiveState") ?? "not shown",
          restarts: Number(state?.get("NRestarts")),
          enabled: state?.get("UnitFileState") === "enabled",
          pid,
          inUnit: group.split("\n").some((line) => /^(0:|\d+:name=systemd):/.test(line) && line.endsWith(`/${unit}`)),
          programs: sleepers.get(seconds) ?? [],
        },
      ];
    }),
  );
}

/** Processes "sleep SECONDS" of one sandbox, by their seconds. */
function sleepersOf(sandbox: string): Map<number, number[]> {
  const found = new Map<number, number[]>();
  for (const pid of readdirSync("/proc")) {
    const [, seconds] = /^sleep\0(\d+)\0$/.exec((/^\d+$/.test(pid) && text(`/proc/${pid}/cmdline`)) || "") ?? [];
    if (seconds === undefined || !text(`/proc/${pid}/cgroup`)?.includes(`/${sandbox}/`)) continue;
    found.set(Number(seconds), [...(found.get(Number(seconds)) ?? []), Number(pid)]);
  }
  return found;
}

/** What `status` has to say of it. */
export function told({ active, pid, inUnit, restarts, enabled }: Reading) {
  const state: Record<string, string> = {
    active: pid !== null && inUnit ? "up" : "disagrees",
    inactive: pid === null ? "stopped" : "disagrees",
    failed: "failed",
  };
  return { state: state[active], pid, restarts, enabled };
}

function text(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // it is gone
  }
}
