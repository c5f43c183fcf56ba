import type { AgentPane } from "../adapters/tmux-pane.ts";
import type { Host } from "../core/host.ts";
import { type Run, readRows } from "../core/screen-text.ts";
import { demandPane, type FoundPane } from "./agent-pane.ts";
import { follow } from "./follow.ts";

/** What is on an agent's screen. */
export interface Watched {
  readonly pane: AgentPane;
  /** All of it, row by row. */
  readonly rows: readonly (readonly Run[])[];
}

/**
 * Shows what is on an agent's screen, and again whenever that has changed; "away" while there is none. tmux knows nothing of it: it
 * attaches nobody, whose terminal would count for the size of the agent's window. True when the agent has ended for good, false at
 * `cancelled`. `open` is called once it is known that there is something to show. Throws FleetError: 64, 69, and what `open` throws.
 */
export async function watchAgent(
  host: Host,
  name: string,
  cancelled: AbortSignal,
  open: () => Promise<(watched: Watched | "away") => void>,
): Promise<boolean> {
  const found = await demandPane(host, name, "Nothing to watch");
  const show = await open();
  await follow(host, name, found, {
    cancelled,
    look,
    see: (rows, pane) => {
      show({ pane, rows });
      return undefined;
    },
    away: () => show("away"),
  });
  return !cancelled.aborted;
}

async function look({ panes, pane }: FoundPane) {
  const looked = await panes.look(pane, [{ from: 0, whole: true, colours: true }]);
  return looked && { pane: looked.pane, seen: readRows(looked.captured[0] ?? []) };
}
