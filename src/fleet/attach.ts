import { procfsOf } from "../adapters/procfs.ts";
import { FleetError } from "../core/errors.ts";
import { describeResult, succeeded } from "../core/exec.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { until } from "../core/until.ts";
import { demandPane, findPane } from "./agent-pane.ts";

/** Why somebody does not look at an agent any more. switched: the tmux client in which this was typed shows it now. */
export type Left = "detached" | "stopped" | "switched";

/** How long the fleet may take to be back after its tmux server was lost; an agent is usually back within seconds. */
const BACK_MS = 60_000;

const WHAT = "Not attached";

/**
 * Shows an agent at this terminal until the user detaches or the agent is stopped. A restart of the agent is seen to the end;
 * after a crash of the tmux server it attaches again. Within a pane of the fleet's own server it has that client switch.
 * Throws FleetError: 64, 69; 1 where the agent does not come back.
 */
export async function attach(host: Host, name: string, say: (line: string) => void): Promise<Left> {
  let { socketPath, pane } = await demandPane(host, name, WHAT);
  const outer = host.env.TMUX?.split(",")[0];
  if (outer && (await host.files.samePlace(outer, socketPath).catch(() => false))) {
    const result = await host.exec(["tmux", "-u", "-N", "-S", socketPath, "switch-client", "-t", `=${name}`]);
    if (succeeded(result)) return "switched";
    throw new FleetError(
      EXIT.unavailable,
      WHAT,
      `this is a pane of the fleet's own server: ${describeResult(result)}`,
      [`mosaic-fleet status ${name}`],
    );
  }
  if (!host.stdin.isTTY || !host.stdout.isTTY)
    throw new FleetError(EXIT.usage, WHAT, "this takes a terminal", [`mosaic-fleet status ${name}`]);
  const procfs = procfsOf(host);
  if (outer) say("Within tmux: the prefix twice, then d, comes back here.");
  const settings = (await host.exec(["stty", "-F", "/dev/tty", "-g"])).stdout.trim();
  for (;;) {
    const env = { TMUX: undefined, TMUX_PANE: undefined };
    const result = await host.foreground(["tmux", "-N", "-S", socketPath, "attach-session", "-t", `=${name}`], { env });
    if (result.kind === "not-found" || result.kind === "not-started")
      throw new FleetError(EXIT.unavailable, WHAT, describeResult(result), ["mosaic-fleet doctor --only tmux"]);
    if (host.interrupted.aborted) return "detached";
    const now = await findPane(host, name);
    if (now?.pane.server === pane.server) {
      if (succeeded(result)) return "detached";
      // tmux has said why on this terminal. Most often it cannot draw on one that TERM names.
      throw new FleetError(EXIT.unavailable, WHAT, describeResult(result), [
        `TERM=xterm-256color mosaic-fleet agent attach ${name}   # TERM here is "${host.env.TERM ?? ""}"`,
        `mosaic-fleet agent watch ${name}`,
      ]);
    }
    if (now === undefined && (await procfs.startTime(pane.server)) !== undefined) return "stopped";
    await restoreTerminal(host, settings);
    say(`The tmux server has ended. Waiting for ${name} to be back; Ctrl-C ends that.`);
    const back =
      now ??
      (await until(host, BACK_MS, () => (host.interrupted.aborted ? Promise.resolve(null) : findPane(host, name))));
    if (back === null) return "detached";
    if (back === undefined)
      throw new FleetError(EXIT.broken, `${name} is not back`, "the tmux server has ended, and its session with it", [
        `mosaic-fleet status ${name}`,
        `mosaic-fleet agent start ${name}`,
      ]);
    ({ socketPath, pane } = back);
  }
}

/** It is the server that puts a viewer's terminal in order, and this one is lost: out of the second screen, mouse and paste as before. */
async function restoreTerminal(host: Host, settings: string): Promise<void> {
  const modes = ["?1000", "?1002", "?1003", "?1006", "?2004", "?1004", "?1", "?1049"].map((mode) => `\x1b[${mode}l`);
  host.stdout.write(`${modes.join("")}\x1b>\x1b[0m\x1b[?25h`);
  if (settings !== "") await host.exec(["stty", "-F", "/dev/tty", settings]);
}
