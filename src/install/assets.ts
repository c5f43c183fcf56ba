import { join } from "node:path";
import agentPane from "../../assets/agent-pane.sh" with { type: "text" };
import agentPaneClosed from "../../assets/agent-pane-closed.sh" with { type: "text" };
import agentPaneDied from "../../assets/agent-pane-died.sh" with { type: "text" };
import agentSessionEnded from "../../assets/agent-session-ended.sh" with { type: "text" };
import agentCanary from "../../assets/dropins/mosaic-agent-canary.conf" with { type: "text" };
import agentDelay from "../../assets/dropins/mosaic-agent-delay.conf" with { type: "text" };
import fleetFunctions from "../../assets/fleet-functions.sh" with { type: "text" };
import agentTemplate from "../../assets/mosaic-agent@.service" with { type: "text" };
import holderUnit from "../../assets/mosaic-tmux-holder.service" with { type: "text" };
import startAgentSession from "../../assets/start-agent-session.sh" with { type: "text" };
import startTmuxHolder from "../../assets/start-tmux-holder.sh" with { type: "text" };
import stopAgentSession from "../../assets/stop-agent-session.sh" with { type: "text" };
import tmuxConf from "../../assets/tmux.conf" with { type: "text" };
import tmuxHolderEnded from "../../assets/tmux-holder-ended.sh" with { type: "text" };
import { AGENT_TEMPLATE, HOLDER_UNIT } from "../core/names.ts";
import type { Paths } from "../core/paths.ts";

/** A file that install owns. */
export interface OwnedFile {
  readonly path: string;
  readonly mode: number;
  readonly text: string;
}

/** The first systemd that knows RestartSteps=. */
const GROWING_DELAY_SINCE = 254;

/** The layout: every owned file of this version, for a machine with this systemd. */
export function ownedFiles(paths: Paths, systemdMajor: number): OwnedFile[] {
  const unit = (name: string, text: string) => ({ path: join(paths.units, name), mode: 0o644, text });
  const script = (name: string, text: string) => ({ path: join(paths.tools, name), mode: 0o755, text });
  return [
    unit(HOLDER_UNIT, holderUnit),
    unit(AGENT_TEMPLATE, agentTemplate),
    unit("mosaic-agent@canary.service.d/10-mosaic-canary.conf", agentCanary),
    ...(systemdMajor >= GROWING_DELAY_SINCE ? [unit("mosaic-agent@.service.d/10-mosaic-delay.conf", agentDelay)] : []),
    script("start-tmux-holder.sh", startTmuxHolder),
    script("tmux-holder-ended.sh", tmuxHolderEnded),
    script("start-agent-session.sh", startAgentSession),
    script("agent-pane.sh", agentPane),
    script("agent-pane-died.sh", agentPaneDied),
    script("agent-pane-closed.sh", agentPaneClosed),
    script("stop-agent-session.sh", stopAgentSession),
    script("agent-session-ended.sh", agentSessionEnded),
    { ...script("fleet-functions.sh", fleetFunctions), mode: 0o644 },
    { ...script("tmux.conf", tmuxConf), mode: 0o644 },
  ];
}

/** The folders that the layout needs beside those of its files. */
export function ownedFolders(paths: Paths): string[] {
  return [paths.units, paths.tools, paths.agents];
}
