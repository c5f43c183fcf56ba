import { onWrites, type Writes } from "../adapters/changes.ts";
import { type Manager, openUserManager } from "../adapters/manager.ts";
import type { AgentPane } from "../adapters/tmux-pane.ts";
import { ToolError } from "../adapters/tool-error.ts";
import { terminalProbe } from "../adapters/tty.ts";
import { createBell } from "../core/bell.ts";
import type { Host } from "../core/host.ts";
import { agentUnit } from "../core/names.ts";
import { type FoundPane, findPane, silent } from "./agent-pane.ts";

export interface Following<T> {
  /** Reads of the pane what somebody wants to know; undefined when it is not there any more. */
  look(found: FoundPane): Promise<{ readonly pane: AgentPane; readonly seen: T } | undefined>;
  /** What was seen; gives after how many milliseconds it wants to see again, though nothing changes. */
  see(seen: T, pane: AgentPane): number | undefined;
  /** The agent has no pane just now, and will have one again. */
  away(): void;
  readonly cancelled: AbortSignal;
}

/** Looks are so many milliseconds apart at least, whatever the program prints. */
const APART_MS = 100;
/** Between looks where the kernel tells nothing: of what it echoes itself, and where there is no pane to wait for. */
const LOOK_MS = 1_000;
/** And where it tells everything. */
const QUIET_MS = 60_000;
/** A server that does not answer may only be busy, with a herd of starts for instance; it is given up after that. */
const SILENT_MS = 60_000;

/**
 * Looks at an agent's pane when its program has written something, which the kernel tells, and when systemd has changed its unit:
 * no viewer is attached, and nothing in tmux is changed. Goes on through restarts of the agent and of its server; ends when the
 * agent does not run and nobody restarts it, or at `cancelled`. Throws FleetError (69) where the server does not answer any more.
 */
export async function follow<T>(
  host: Host,
  name: string,
  first: FoundPane,
  { look, see, away, cancelled }: Following<T>,
): Promise<void> {
  const bell = createBell(host.pause);
  const probe = await terminalProbe();
  const unit = await unitOf(host, name, bell.ring);
  cancelled.addEventListener("abort", bell.ring);
  let found: FoundPane | undefined = first;
  let watched: (Writes & { readonly pane: AgentPane }) | undefined;
  let before = "";
  let gone = false;
  let answered = host.now();
  try {
    while (!cancelled.aborted) {
      const started = host.now();
      // Before the look: what is written after it rings.
      if (found !== undefined && !samePane(found.pane, watched?.pane)) {
        watched?.end();
        watched = { pane: found.pane, ...onWrites(found.pane.tty, bell.ring) };
      }
      let looked: Awaited<ReturnType<typeof look>>;
      try {
        looked = found && (await look(found));
        if (looked === undefined) found = await findPane(host, name);
        answered = host.now();
      } catch (error) {
        if (!(error instanceof ToolError)) throw error;
        if (host.now() - answered > SILENT_MS) throw silent(`${name} cannot be followed any more`, error);
        await host.pause(LOOK_MS, cancelled);
        continue;
      }
      if (cancelled.aborted) return;
      if (looked === undefined || found === undefined) {
        if (found !== undefined) {
          await host.pause(APART_MS, cancelled);
          continue;
        }
        if (!(await unit.comesBack())) return;
        if (!gone) away();
        gone = true;
        await bell.next(LOOK_MS / 4);
        continue;
      }
      gone = false;
      found = { ...found, pane: looked.pane };
      const again = see(looked.seen, looked.pane);
      if (looked.pane.dead && !(await unit.comesBack())) return;
      // tmux may not have read yet what the kernel has told: the last look of a burst shows nothing new.
      const now = JSON.stringify([looked.pane, looked.seen]);
      const settled = now === before && samePane(looked.pane, watched?.pane);
      before = now;
      const told = probe?.(looked.pane.tty)?.echo === false && watched?.told() && unit.told();
      await host.pause(Math.max(0, APART_MS - (host.now() - started)), cancelled);
      await bell.next(Math.min(again ?? QUIET_MS, settled ? (told ? QUIET_MS : LOOK_MS) : APART_MS));
    }
  } finally {
    cancelled.removeEventListener("abort", bell.ring);
    watched?.end();
    unit.close();
  }
}

/** A program that is started anew in its pane gets another terminal, which may have the same name. */
function samePane(one: AgentPane, other: AgentPane | undefined): boolean {
  return one.server === other?.server && one.id === other.id && one.pid === other.pid && one.tty === other.tty;
}

/** What systemd says of the agent's unit. Where it cannot be asked, the agent does not come back. */
async function unitOf(host: Host, name: string, changed: () => void) {
  let manager: Manager | undefined;
  const open = async () => {
    manager = await openUserManager(host);
    await manager.onChange((other) => {
      if (other === name) changed();
    });
    return manager;
  };
  const lose = () => {
    manager?.close();
    manager = undefined;
  };
  await open().catch(lose);
  return {
    /** Changes are told. */
    told: () => manager !== undefined,
    async comesBack(): Promise<boolean> {
      try {
        const [unit] = await (manager ?? (await open())).loaded(agentUnit(name));
        return unit !== undefined && (!["inactive", "failed"].includes(unit.active) || STARTS.has(unit.job));
      } catch {
        lose();
        return false;
      }
    },
    close: lose,
  };
}

const STARTS = new Set(["start", "restart"]);
