import { FleetError } from "../../core/errors.ts";
import { EXIT, exitOfInterrupt } from "../../core/exit.ts";
import type { FullScreen } from "../../core/host.ts";
import { type Watched, watchAgent } from "../../fleet/watch.ts";
import { tellEnd } from "../agent-ended.ts";
import { checkedName } from "../agent-options.ts";
import { defineCommand } from "../command.ts";
import { type Corner, cornerOfCursor, cornerWithin, watchFrame } from "../report/watch.ts";

export const command = defineCommand({
  name: "agent watch",
  summary: "Shows an agent at this terminal, read-only and in its own size, without a trace at the agent.",
  args: { name: { type: "positional", required: true, description: "the agent" } },
  completes: { name: "agent" },
  examples: [["mosaic-fleet agent watch coder", "q ends it; in a smaller terminal arrows move, c goes to the cursor"]],
  exits: [
    [EXIT.ok, "left with q, or the agent was stopped"],
    [EXIT.usage, "wrong usage, no such agent, or no terminal"],
    [EXIT.unavailable, "the agent does not run"],
  ],
  async run(host, { name: typed }) {
    const name = checkedName(typed);
    const quit = new AbortController();
    const cancelled = AbortSignal.any([host.interrupted, host.stdout.gone, quit.signal]);
    let screen: FullScreen | undefined;
    let over: boolean;
    try {
      over = await watchAgent(host, name, cancelled, async () => {
        const view = viewOf(name, () => screen);
        const key = (typed: string) => (typed === "q" ? quit.abort() : view.key(typed));
        screen = await host.fullScreen({ key, resized: view.draw });
        if (screen !== undefined) return view.show;
        throw new FleetError(EXIT.usage, "Not watched", "this takes a terminal", [
          `mosaic-fleet agent tail ${name} -f`,
        ]);
      });
    } finally {
      screen?.close();
    }
    if (host.interrupted.aborted) return exitOfInterrupt(host.interrupted.reason);
    if (over) await tellEnd(host, name, "does not run any more");
    return EXIT.ok;
  },
});

/** What is drawn on a screen of what was shown last, and how keys move it. */
function viewOf(name: string, open: () => FullScreen | undefined) {
  let watched: Watched | undefined;
  let away = false;
  /** undefined: wherever the cursor is. */
  let corner: Corner | undefined;
  const draw = () => {
    const screen = open();
    if (screen === undefined || watched === undefined) return;
    const size = screen.size();
    const from = corner === undefined ? cornerOfCursor(watched, size) : cornerWithin(watched, size, corner);
    const { rows, cursor } = watchFrame(name, watched, away, size, from);
    screen.draw(rows, cursor);
  };
  return {
    draw,
    show(seen: Watched | "away") {
      away = seen === "away";
      if (seen !== "away") watched = seen;
      draw();
    },
    key(typed: string) {
      const screen = open();
      if (screen === undefined || watched === undefined) return;
      const size = screen.size();
      const step = stepOf(typed, size.rows - 1);
      if (typed === "c") corner = undefined;
      else if (step === undefined) return;
      else {
        const { column, row } = corner ?? cornerOfCursor(watched, size);
        corner = cornerWithin(watched, size, { column: column + step.columns, row: row + step.rows });
      }
      draw();
    },
  };
}

/** How far a key moves what is shown; undefined for one that does not. */
function stepOf(key: string, page: number): { readonly columns: number; readonly rows: number } | undefined {
  switch (key) {
    case "up":
      return { columns: 0, rows: -1 };
    case "down":
      return { columns: 0, rows: 1 };
    case "left":
      return { columns: -8, rows: 0 };
    case "right":
      return { columns: 8, rows: 0 };
    case "pageup":
      return { columns: 0, rows: -page };
    case "pagedown":
      return { columns: 0, rows: page };
    default:
      return undefined;
  }
}
