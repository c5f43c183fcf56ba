import { join } from "node:path";
import { AGENT_TEMPLATE, HOLDER_UNIT, LIMITS_DROP_IN } from "../core/names.ts";
import { pathsOf } from "../core/paths.ts";

/** A file or a variable, what it is, and the commands that it is for. */
type Place = readonly [name: string, says: string, of: RegExp];

const { units, tools, site, agents, receipt } = pathsOf({ env: {}, user: { uid: 0, name: "", home: "~" } });

const LAYOUT = /^(install|rollback|uninstall|doctor)$/;
const AGENTS = /^(agent .*|status|doctor|apply|export)$/;
const SETTINGS = /^(agent (add|edit|rm|show)|apply|export|uninstall)$/;
const SCREENS = /^(agent (attach|watch)|doctor|canary|status)$/;
const PROGRAMS = /^(install|doctor|apply|agent (add|edit|show))$/;
const FLEET = /^(?!self-update|man|completions)/;
const DOWNLOADS = /^self-update$/;

/** The files of a fleet, as a user with an ordinary environment has them. */
export const FILES: readonly Place[] = [
  [join(units, HOLDER_UNIT), "The holder: owns the tmux server. Ours.", LAYOUT],
  [join(units, AGENT_TEMPLATE), "The template of every agent. Ours; change it with systemctl --user edit.", LAYOUT],
  [
    join(units, "mosaic-agent@NAME.service.d", LIMITS_DROP_IN),
    "The limits of one agent, as agent add and edit write them.",
    SETTINGS,
  ],
  [`${tools}/`, "The scripts that the units call, and tmux.conf. Ours.", LAYOUT],
  [join(site, "fleet.env"), "Settings for the whole fleet. Yours.", FLEET],
  [join(agents, "NAME.env"), "Settings of one agent, which win over fleet.env. Yours.", AGENTS],
  [join(site, "tmux.local.conf"), "Your tmux settings for the fleet's server.", LAYOUT],
  [receipt, "What install wrote, and uninstall takes away.", LAYOUT],
  ["~/.local/bin/mosaic-fleet.previous", "The binary from before an update, beside the one that runs.", DOWNLOADS],
];

/** What of the environment is read. */
export const ENVIRONMENT: readonly Place[] = [
  ["HOME", "The home folder: the fleet's files are in it.", FLEET],
  ["XDG_CONFIG_HOME", "Where the units and settings are, instead of ~/.config.", FLEET],
  ["XDG_STATE_HOME", "Where the receipt is, instead of ~/.local/state.", LAYOUT],
  ["XDG_RUNTIME_DIR", "Where the user manager is reached: /run/user/UID.", FLEET],
  ["DBUS_SESSION_BUS_ADDRESS", "The user's bus, where it is not in XDG_RUNTIME_DIR.", FLEET],
  ["PATH", "Where programs are looked for.", PROGRAMS],
  ["NVM_DIR, NPM_CONFIG_PREFIX, …", "Where what installs programs has put them.", PROGRAMS],
  ["SHELL", "The login shell, where the list of users has none: it is asked for its PATH.", PROGRAMS],
  ["TMPDIR", "A folder for a canary's files, where the runtime folder, /dev/shm and /tmp will not do.", /^canary$/],
  ["TMUX", "Whether this is inside tmux, and whose.", SCREENS],
  ["TMUX_TMPDIR", "Where tmux has its sockets, instead of /tmp.", FLEET],
  ["TERM", "The terminal; dumb for one that cannot be redrawn.", SCREENS],
  ["NO_COLOR, FORCE_COLOR", "Whether output is coloured, whatever it goes to. NO_COLOR wins.", FLEET],
  ["VISUAL, EDITOR", "The editor; vi where neither is set.", /^agent edit$/],
  ["GITHUB_STEP_SUMMARY", "With -o github, where a summary is added.", /^(doctor|canary)$/],
  [
    "SSL_CERT_FILE, SSL_CERT_DIR, NODE_EXTRA_CA_CERTS",
    "The certificates to trust, instead of the machine's.",
    DOWNLOADS,
  ],
  ["MOSAIC_FLEET_BASE_URL", "As --from, for an address with a password: no other user sees it here.", DOWNLOADS],
  ["https_proxy, http_proxy, no_proxy", "The proxy to download through.", DOWNLOADS],
  ["SOURCE_DATE_EPOCH", "The date of the pages, in seconds since 1970; without it they have none.", /^man$/],
];

/** Those of a command; all of them without one. */
export function placesOf(places: readonly Place[], command?: string): (readonly [name: string, says: string])[] {
  return places
    .filter(([, , of]) => command === undefined || of.test(command))
    .map(([name, says]) => [name, says] as const);
}
