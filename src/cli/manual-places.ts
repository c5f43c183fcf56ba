import { join } from "node:path";
import { AGENT_TEMPLATE, HOLDER_UNIT, LIMITS_DROP_IN } from "../core/names.ts";
import { pathsOf } from "../core/paths.ts";

/** A file or a variable, what it is, and the commands that it is for. */
type Place = readonly [name: string, says: string, of: RegExp];

const { units, tools, site, agents, receipt } = pathsOf({ env: {}, user: { uid: 0, name: "", home: "~" } });

const LAYOUT = /^(install|rollback|uninstall|doctor)$/;
const AGENTS = /^(agent .*|status|doctor)$/;

/** The files of a fleet, as a user with an ordinary environment has them. */
export const FILES: readonly Place[] = [
  [join(units, HOLDER_UNIT), "The holder: owns the tmux server. Ours.", LAYOUT],
  [join(units, AGENT_TEMPLATE), "The template of every agent. Ours; change it with systemctl --user edit.", LAYOUT],
  [
    join(units, "mosaic-agent@NAME.service.d", LIMITS_DROP_IN),
    "The limits of one agent, as agent add and edit write them.",
    /^(agent (add|edit|rm|show)|uninstall)$/,
  ],
  [`${tools}/`, "The scripts that the units call, and tmux.conf. Ours.", LAYOUT],
  [join(site, "fleet.env"), "Settings for the whole fleet. Yours.", /^(agent .*|status|doctor|install|uninstall)$/],
  [join(agents, "NAME.env"), "Settings of one agent, which win over fleet.env. Yours.", AGENTS],
  [
    join(site, "tmux.local.conf"),
    "Your tmux settings for the fleet's server.",
    /^(install|uninstall|doctor|agent attach)$/,
  ],
  [receipt, "What install wrote, and is to be undone by uninstall.", LAYOUT],
  [
    "~/.local/bin/mosaic-fleet.previous",
    "The binary from before an update, beside the one that runs.",
    /^self-update$/,
  ],
];

/** What of the environment is read. */
export const ENVIRONMENT: readonly Place[] = [
  ["HOME", "The home folder: the fleet's files are in it.", /^(install|rollback|uninstall)$/],
  [
    "XDG_CONFIG_HOME",
    "Where the units and settings are, instead of ~/.config.",
    /^(install|rollback|uninstall|doctor|agent .*|status)$/,
  ],
  ["XDG_STATE_HOME", "Where the receipt is, instead of ~/.local/state.", LAYOUT],
  ["XDG_RUNTIME_DIR", "Where the user manager is reached: /run/user/UID.", /^(?!self-update|man|completions)/],
  [
    "DBUS_SESSION_BUS_ADDRESS",
    "The user's bus, where it is not in XDG_RUNTIME_DIR.",
    /^(?!self-update|man|completions)/,
  ],
  ["PATH", "Where programs are looked for.", /^(install|doctor|agent (add|edit|show)|self-update)$/],
  ["SHELL", "The login shell, where the machine's list of users has none: it is asked for its PATH.", /^install$/],
  ["TMUX", "Whether this is inside tmux, and whose.", /^(agent attach|doctor)$/],
  ["TMUX_TMPDIR", "Where tmux has its sockets, instead of /tmp.", /^(canary|doctor|status|agent .*)$/],
  ["TERM", "The terminal; dumb for one that cannot be redrawn.", /^(canary|doctor|agent attach)$/],
  ["NO_COLOR, FORCE_COLOR", "Whether output is coloured, whatever it goes to. NO_COLOR wins.", /^(?!man|completions)/],
  ["VISUAL, EDITOR", "The editor; vi where neither is set.", /^agent edit$/],
  ["GITHUB_STEP_SUMMARY", "With -o github, where a summary is added.", /^(doctor|canary)$/],
  [
    "NVM_DIR, NPM_CONFIG_PREFIX, …",
    "Where what installs programs has put them.",
    /^(install|doctor|agent (add|edit|show))$/,
  ],
  [
    "SSL_CERT_FILE, SSL_CERT_DIR, NODE_EXTRA_CA_CERTS",
    "The certificates to trust, instead of the machine's.",
    /^self-update$/,
  ],
  ["https_proxy, http_proxy, no_proxy", "The proxy to download through.", /^self-update$/],
  ["SOURCE_DATE_EPOCH", "The date of the pages, in seconds since 1970; without it they have none.", /^man$/],
];

/** Those of a command; all of them without one. */
export function placesOf(places: readonly Place[], command?: string): (readonly [name: string, says: string])[] {
  return places
    .filter(([, , of]) => command === undefined || of.test(command))
    .map(([name, says]) => [name, says] as const);
}
