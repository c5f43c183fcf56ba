import { type Procfs, procfsOf } from "../adapters/procfs.ts";
import { type Systemd, systemdOf, type Unit } from "../adapters/systemd.ts";
import { type Pane, type Server, type Tmux, tmuxOf } from "../adapters/tmux.ts";
import type { ExecResult } from "../core/exec.ts";
import type { Host } from "../core/host.ts";
import { AGENT_TEMPLATE, HOLDER_UNIT } from "../core/names.ts";
import { type Paths, pathsOf } from "../core/paths.ts";
import { fleetSocket } from "../core/settings.ts";
import { JUDGED_PROPERTIES } from "../core/unit-settings.ts";
import type { Plan } from "../install/action.ts";
import { install } from "../install/install.ts";

/** What checks look with. Each outside question is asked once in a run, however many checks want its answer. */
export interface Tools {
  readonly host: Host;
  readonly paths: Paths;
  readonly systemd: Systemd;
  readonly procfs: Procfs;
  systemdVersion(): Promise<ExecResult>;
  tmuxVersion(): Promise<ExecResult>;
  /** The question that shows whether the user manager answers. */
  manager(): Promise<ExecResult>;
  holder(): Promise<Unit>;
  /** An instance's settings as the template and its drop-ins make them. */
  template(): Promise<Unit>;
  agents(): Promise<{ unit: string; active: string; sub: string }[]>;
  server(): Promise<Server | undefined>;
  panes(): Promise<Pane[]>;
  plan(): Promise<Plan>;
}

export function toolsOf(host: Host): Tools {
  const systemd = systemdOf(host);
  const tmux = once(async (): Promise<Tmux> => tmuxOf(host, await fleetSocket(host)));
  const units = once(() => systemd.show([HOLDER_UNIT, AGENT_TEMPLATE.replace("@", "@doctor")], JUDGED_PROPERTIES));
  const unitAt = async (index: number): Promise<Unit> => {
    const unit = (await units())[index];
    if (unit === undefined) throw new Error("systemctl show left a unit out");
    return unit;
  };
  return {
    host,
    paths: pathsOf(host),
    systemd,
    procfs: procfsOf(host),
    systemdVersion: once(() => host.exec(["systemctl", "--version"])),
    tmuxVersion: once(() => host.exec(["tmux", "-V"])),
    manager: once(() => systemd.managerVersion()),
    holder: () => unitAt(0),
    template: () => unitAt(1),
    agents: once(() => systemd.list("mosaic-agent@*")),
    server: once(async () => (await tmux()).server()),
    panes: once(async () => (await tmux()).panes()),
    plan: once(async () => (await install(host, { dryRun: true, version: "" })).plan),
  };
}

function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => {
    answer ??= ask();
    return answer;
  };
}
