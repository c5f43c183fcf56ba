import type { Check } from "./check.ts";
import { agentsState } from "./checks/agents-state.ts";
import { holderServer } from "./checks/holder-server.ts";
import { layoutFiles } from "./checks/layout-files.ts";
import { loginLinger } from "./checks/login-linger.ts";
import { machineLinux } from "./checks/machine-linux.ts";
import { systemdCgroups } from "./checks/systemd-cgroups.ts";
import { systemdRuntimeFolder } from "./checks/systemd-runtime-folder.ts";
import { systemdUserManager } from "./checks/systemd-user-manager.ts";
import { systemdVersion } from "./checks/systemd-version.ts";
import { tmuxVersion } from "./checks/tmux-version.ts";
import { unitsReload } from "./checks/units-reload.ts";
import { unitsVerify } from "./checks/units-verify.ts";

/** Every check: a line here, a file in checks/. In the order in which they are reported. */
export const checks: readonly Check[] = [
  machineLinux,
  systemdVersion,
  systemdRuntimeFolder,
  systemdUserManager,
  systemdCgroups,
  loginLinger,
  tmuxVersion,
  layoutFiles,
  unitsVerify,
  unitsReload,
  holderServer,
  agentsState,
];
