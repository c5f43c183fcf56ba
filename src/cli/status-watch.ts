import { describeError, FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import type { FullScreen, Host } from "../core/host.ts";
import type { FleetStatus } from "../fleet/status.ts";
import { watchStatus } from "../fleet/status-watch.ts";
import { renderStatus } from "./report/status.ts";
import { type StatusDocument, statusChanges } from "./report/status-formats.ts";
import { statusLine } from "./report/status-line.ts";

export interface WatchedStatus {
  readonly names: readonly string[];
  readonly everyMs: number;
  readonly output: "human" | "ndjson";
  documentOf(status: FleetStatus): StatusDocument;
}

/** Shows the fleet until q, an interrupt, or until nobody reads stdout any more; gives what it showed last. Throws FleetError. */
export async function watchedStatus(host: Host, watched: WatchedStatus): Promise<FleetStatus | undefined> {
  const { names, everyMs, output } = watched;
  const quit = new AbortController();
  const cancelled = AbortSignal.any([host.interrupted, host.stdout.gone, quit.signal]);
  if (output === "ndjson") {
    let before: StatusDocument | undefined;
    return watchStatus(host, {
      ...{ names, everyMs, cancelled },
      show(status) {
        const now = watched.documentOf(status);
        const lines = statusChanges(before, now);
        if (lines !== "") host.stdout.write(lines);
        before = now;
      },
      failed: (error) => host.stderr.write(`${describeError(error)}\n`),
    });
  }
  let screen: FullScreen | undefined;
  const view = tableOf(host, everyMs, () => screen);
  const key = (typed: string) => (typed === "q" ? quit.abort() : view.key(typed));
  screen = await host.fullScreen({ key, resized: view.draw });
  if (screen === undefined)
    throw new FleetError(EXIT.usage, "Nothing is watched", "the table is drawn at a terminal", [
      "mosaic-fleet status --watch -o ndjson",
    ]);
  try {
    return await watchStatus(host, { names, everyMs, cancelled, show: view.show, failed: view.failed });
  } finally {
    screen.close();
  }
}

/** The table as it was last, the part of it that keys have moved to the screen, and a line that says what this is. */
function tableOf(host: Host, everyMs: number, open: () => FullScreen | undefined) {
  let agents: FleetStatus["agents"] = [];
  let problem: string | undefined;
  let at = "";
  let from = 0;
  const draw = () => {
    const screen = open();
    if (screen === undefined || at === "") return;
    const { columns, rows } = screen.size();
    let text = "";
    const write = (more: string) => {
      text += more;
    };
    renderStatus({ ...host.stdout, columns, rows, color: host.stdout.color, write }, agents);
    const [head = "", ...lines] = text.trimEnd().split("\n");
    const height = rows - 2;
    from = Math.max(0, Math.min(from, lines.length - height));
    const shown = Array.from({ length: Math.max(0, height) }, (_, index) => lines[from + index] ?? "");
    const part = `lines ${from + 1} to ${from + height} of ${lines.length}: arrows move`;
    const bad = agents.filter(({ verdict }) => verdict !== "well").length;
    const count = `${agents.length} ${agents.length === 1 ? "agent" : "agents"}, ${bad} not well`;
    const left = problem === undefined ? count : `as it was at ${at}: ${problem}`;
    const line = statusLine(
      left,
      [...(lines.length > height ? [part] : []), `${at}, every ${everyMs / 1000} s`, "q ends"],
      columns,
    );
    screen.draw([head, ...shown, line], undefined);
  };
  return {
    draw,
    show(status: FleetStatus) {
      ({ agents } = status);
      problem = undefined;
      at = host.date().toTimeString().slice(0, 8);
      draw();
    },
    failed(error: Error) {
      problem = error instanceof FleetError ? error.why : error.message;
      draw();
    },
    key(typed: string) {
      const page = (open()?.size().rows ?? 0) - 2;
      const step = { up: -1, down: 1, pageup: -page, pagedown: page, home: -from, end: agents.length * 2 }[typed];
      if (step === undefined) return;
      from += step;
      draw();
    },
  };
}
