import type { Check } from "./check.ts";
import { agentsEnabled } from "./checks/agents-enabled.ts";
import { agentsEnvFile } from "./checks/agents-env-file.ts";
import { agentsName } from "./checks/agents-name.ts";
import { agentsProgram } from "./checks/agents-program.ts";
import { agentsRestarts } from "./checks/agents-restarts.ts";
import { agentsSecrets } from "./checks/agents-secrets.ts";
import { agentsSocket } from "./checks/agents-socket.ts";
import { agentsState } from "./checks/agents-state.ts";
import { agentsWorkdir } from "./checks/agents-workdir.ts";
import { holderOom } from "./checks/holder-oom.ts";
import { holderOptions } from "./checks/holder-options.ts";
import { holderRestarts } from "./checks/holder-restarts.ts";
import { holderServer } from "./checks/holder-server.ts";
import { layoutBinary } from "./checks/layout-binary.ts";
import { layoutFiles } from "./checks/layout-files.ts";
import { layoutPending } from "./checks/layout-pending.ts";
import { layoutReceipt } from "./checks/layout-receipt.ts";
import { layoutSettings } from "./checks/layout-settings.ts";
import { layoutWritable } from "./checks/layout-writable.ts";
import { limitsFiles } from "./checks/limits-files.ts";
import { limitsInotify } from "./checks/limits-inotify.ts";
import { limitsMemory } from "./checks/limits-memory.ts";
import { limitsPty } from "./checks/limits-pty.ts";
import { limitsTasks } from "./checks/limits-tasks.ts";
import { loginKillUserProcesses } from "./checks/login-kill-user-processes.ts";
import { loginLinger } from "./checks/login-linger.ts";
import { machineClock } from "./checks/machine-clock.ts";
import { machineHome } from "./checks/machine-home.ts";
import { machineLinux } from "./checks/machine-linux.ts";
import { machineLocale } from "./checks/machine-locale.ts";
import { machineStorage } from "./checks/machine-storage.ts";
import { machineVirtualization } from "./checks/machine-virtualization.ts";
import { orphansCanary } from "./checks/orphans-canary.ts";
import { orphansProcesses } from "./checks/orphans-processes.ts";
import { orphansSessions } from "./checks/orphans-sessions.ts";
import { systemdBooted } from "./checks/systemd-booted.ts";
import { systemdBus } from "./checks/systemd-bus.ts";
import { systemdCgroups } from "./checks/systemd-cgroups.ts";
import { systemdControllers } from "./checks/systemd-controllers.ts";
import { systemdOomd } from "./checks/systemd-oomd.ts";
import { systemdRuntimeFolder } from "./checks/systemd-runtime-folder.ts";
import { systemdState } from "./checks/systemd-state.ts";
import { systemdUserManager } from "./checks/systemd-user-manager.ts";
import { systemdVersion } from "./checks/systemd-version.ts";
import { tmuxInside } from "./checks/tmux-inside.ts";
import { tmuxLocalConf } from "./checks/tmux-local-conf.ts";
import { tmuxOtherServers } from "./checks/tmux-other-servers.ts";
import { tmuxServerVersion } from "./checks/tmux-server-version.ts";
import { tmuxSocket } from "./checks/tmux-socket.ts";
import { tmuxSocketFolder } from "./checks/tmux-socket-folder.ts";
import { tmuxTerminfo } from "./checks/tmux-terminfo.ts";
import { tmuxVersion } from "./checks/tmux-version.ts";
import { unitsDropIns } from "./checks/units-drop-ins.ts";
import { unitsEnabled } from "./checks/units-enabled.ts";
import { unitsLoaded } from "./checks/units-loaded.ts";
import { unitsPromises } from "./checks/units-promises.ts";
import { unitsReload } from "./checks/units-reload.ts";
import { unitsVerify } from "./checks/units-verify.ts";

/** Every check: a line here, a file in checks/. In the order in which they are reported. */
export const checks: readonly Check[] = [
  machineLinux,
  machineVirtualization,
  machineHome,
  machineStorage,
  machineClock,
  machineLocale,
  systemdVersion,
  systemdBooted,
  systemdRuntimeFolder,
  systemdUserManager,
  systemdBus,
  systemdState,
  systemdCgroups,
  systemdControllers,
  systemdOomd,
  loginLinger,
  loginKillUserProcesses,
  tmuxVersion,
  tmuxInside,
  tmuxSocketFolder,
  tmuxSocket,
  tmuxServerVersion,
  tmuxTerminfo,
  tmuxLocalConf,
  tmuxOtherServers,
  layoutFiles,
  layoutWritable,
  layoutReceipt,
  layoutSettings,
  layoutPending,
  layoutBinary,
  unitsVerify,
  unitsLoaded,
  unitsReload,
  unitsPromises,
  unitsDropIns,
  unitsEnabled,
  holderServer,
  holderOptions,
  holderRestarts,
  holderOom,
  agentsName,
  agentsEnvFile,
  agentsSecrets,
  agentsSocket,
  agentsWorkdir,
  agentsProgram,
  agentsState,
  agentsRestarts,
  agentsEnabled,
  orphansSessions,
  orphansProcesses,
  orphansCanary,
  limitsPty,
  limitsTasks,
  limitsFiles,
  limitsInotify,
  limitsMemory,
];
