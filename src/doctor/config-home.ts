import { join } from "node:path";
import { samePlace } from "../adapters/looks.ts";
import { tilde } from "../core/paths.ts";
import { shellPath, shellWord } from "../core/shell.ts";
import type { CheckResult, Fix } from "./check.ts";
import type { Tools } from "./tools.ts";

/**
 * Where this shell has another folder of settings than the user manager: all that is told of the layout would be told
 * of the wrong place. undefined where they are one, and where no manager says.
 */
export async function otherConfig(tools: Tools): Promise<{ readonly message: string; readonly fix: Fix } | undefined> {
  const { host, paths } = tools;
  const state = await tools.managerState().catch(() => undefined); // told by systemd.user-manager
  if (state === undefined || (await isAmong(state.unitPath, paths.units))) return undefined;
  const theirs = configOf(state.unitPath, paths.runtime);
  if (theirs === undefined) return undefined;
  const { home } = host.user;
  const { HOME = home } = state.environment;
  const ofHome = !host.env.XDG_CONFIG_HOME && theirs === join(HOME, ".config");
  return {
    message: `this shell's settings are in ${tilde(paths.config, home)}, the user manager's in ${tilde(theirs, home)} (${ofHome ? "HOME" : "XDG_CONFIG_HOME"} is another): what the fleet runs on is not looked at`,
    fix: {
      commands: [
        ofHome
          ? `export HOME=${shellWord(HOME)}`
          : theirs === join(home, ".config")
            ? "unset XDG_CONFIG_HOME"
            : `export XDG_CONFIG_HOME=${shellPath(theirs, home)}`,
      ],
    },
  };
}

/** By the folders that it reads: what its environment says now it may have been told after it was started. */
function configOf(unitPath: readonly string[], runtime = ""): string | undefined {
  const control = "/systemd/user.control";
  const own = unitPath.find((path) => path.endsWith(control) && !path.startsWith(`${runtime}/`));
  return own?.slice(0, -control.length);
}

/** Of a check that would only judge files which the fleet does not go by. */
export const notTheirs: CheckResult = {
  status: "skip",
  reason: "this shell's folder of settings is not the user manager's",
};

async function isAmong(folders: readonly string[], path: string): Promise<boolean> {
  for (const folder of folders) if (folder === path || (await samePlace(folder, path))) return true;
  return false;
}
