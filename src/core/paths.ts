import { join, resolve } from "node:path";
import type { Host } from "./host.ts";

/** Where everything of the fleet is, for one user. */
export interface Paths {
  readonly config: string;
  /** The user's units, where systemd looks first. */
  readonly units: string;
  /** Product-owned scripts and tmux.conf. */
  readonly tools: string;
  /** Site files: fleet.env, agents/NAME.env, tmux.local.conf. Never overwritten. */
  readonly site: string;
  readonly agents: string;
  readonly state: string;
  readonly receipt: string;
  /** undefined when XDG_RUNTIME_DIR is not set: there is no user session then. */
  readonly runtime: string | undefined;
}

/** An XDG folder counts only when it is absolute, as its specification says; without a slash at its end. */
function xdg(value: string | undefined, fallback: string): string {
  return value?.startsWith("/") ? resolve(value) : fallback;
}

export function pathsOf(host: Pick<Host, "env" | "user">): Paths {
  const config = xdg(host.env.XDG_CONFIG_HOME, join(host.user.home, ".config"));
  const state = join(xdg(host.env.XDG_STATE_HOME, join(host.user.home, ".local/state")), "mosaic/fleet");
  const site = join(config, "mosaic/fleet");
  return {
    config,
    units: join(config, "systemd/user"),
    tools: join(config, "mosaic/tools/fleet"),
    site,
    agents: join(site, "agents"),
    state,
    receipt: join(state, "receipt.json"),
    runtime: host.env.XDG_RUNTIME_DIR?.startsWith("/") ? host.env.XDG_RUNTIME_DIR : undefined,
  };
}

/** A path as a person reads it: the home folder is ~. */
export function tilde(path: string, home: string): string {
  return path === home || path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
}
