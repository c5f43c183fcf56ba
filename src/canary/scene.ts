import { dirname, join } from "node:path";
import { groupLines } from "../adapters/cgroup.ts";
import { procfsOf } from "../adapters/procfs.ts";
import { systemdOf } from "../adapters/systemd.ts";
import { tmuxClient } from "../adapters/tmux.ts";
import { parseEnvFile } from "../core/env-file.ts";
import { describeError } from "../core/errors.ts";
import { describeResult, type ExecResult, succeeded } from "../core/exec.ts";
import type { Host } from "../core/host.ts";
import { pathsOf } from "../core/paths.ts";
import type { ThrowawayAgent } from "./step.ts";
import { type UnitVariables, variablesOf } from "./unit-variables.ts";

/** Where a promise was broken: a whole fleet, or the tmux half. */
export interface Scene {
  readonly host: Host;
  /** All that has this runtime folder is the run's own. */
  readonly sandboxed: boolean;
  /** The name of the tmux server's socket. */
  readonly socket: string;
  /** The run's own. */
  readonly agents: readonly ThrowawayAgent[];
  /** The holder's and theirs; none where there is no systemd. */
  readonly units: readonly string[];
  /** Arguments that make journalctl read what the units said; undefined where there is no systemd. */
  readonly journal: readonly string[] | undefined;
  readonly secret: string;
}

/** A text for whoever has to find out why, before anything in it is hidden. */
export interface Sight {
  /** The name of its file. */
  readonly name: string;
  readonly text: string;
}

/** Rows of an agent's screen that are kept. */
const SCREEN_ROWS = 60;

/** What is so at this moment: of the run's own agents and the holder, of others no more than names. It never throws. */
export async function lookAround(scene: Scene): Promise<Sight[]> {
  const look = async (name: string, text: Promise<string>): Promise<Sight> => ({
    name,
    text: await text.catch((error) => `could not tell: ${describeError(error)}\n`),
  });
  const first = await look("processes.txt", processes(scene)); // before there are those that look
  const seen = await Promise.all([
    look("units.txt", units(scene)),
    look("tmux.txt", tmuxState(scene)),
    look("cgroups.txt", cgroups(scene)),
    look("manager.txt", managerLog(scene)),
  ]);
  return [first, ...seen].filter(({ text }) => text !== "");
}

/** What the units have said since a moment; empty where there is no journal. */
export async function journalOf({ host, journal, units }: Scene, since: Date): Promise<string> {
  if (journal === undefined) return "";
  const tags = ["mosaic-agent", "mosaic-tmux-holder"].map((tag) => `SYSLOG_IDENTIFIER=${tag}`);
  const matches = [...tags, ...units.flatMap((unit) => [`USER_UNIT=${unit}`, `_SYSTEMD_USER_UNIT=${unit}`])];
  const from = `--since=@${Math.floor(since.getTime() / 1000)}`;
  const argv = ["journalctl", ...journal, "--no-pager", "-q", "-o", "short-precise", from];
  return said(await host.exec([...argv, ...matches.flatMap((match, index) => (index === 0 ? [match] : ["+", match]))]));
}

/** Settings of a fleet and of a login that are no secret by themselves; a name that looks like one is hidden all the same. */
const PLAIN =
  /^(MOSAIC_.*|PATH|HOME|USER|LOGNAME|SHELL|PWD|LANG|LC_.*|TZ|TERM|TMUX_TMPDIR|XDG_.*|DBUS_SESSION_BUS_ADDRESS)$/;

/**
 * What must not be shown: secrets of the run, and what the user's files, the units, the manager and the server have in their
 * environments. What a file or a unit sets beside our own keys counts as secret whatever its name is.
 */
export async function secretsOf(scene: Scene): Promise<Record<string, string>[]> {
  const { host, secret, socket } = scene;
  const { agents, site } = pathsOf(host);
  const { environment, set, files } = await ofUnits(scene);
  const paths = [
    join(site, "fleet.env"),
    ...(await host.files.list(agents)).map((name) => join(agents, name)),
    ...files,
  ];
  const texts = await Promise.all([...new Set(paths)].map((path) => host.files.readBytes(path).catch(() => undefined)));
  const inFiles = texts.flatMap((text) => parseEnvFile(text ?? ""));
  const own = [...inFiles.map(({ key, value }): [string, string] => [key, value]), ...set];
  const hidden = own.filter(([key]) => !PLAIN.test(key)).map(([, value], index) => [`SECRET_${index}`, value]);
  const server = await tmuxClient(host, ["-L", socket])(["show-environment", "-g"]);
  return [
    { MOSAIC_CANARY_SECRET: secret },
    Object.fromEntries(own),
    Object.fromEntries(hidden),
    environment,
    variablesIn(server.stdout),
  ];
}

/** Nothing where there is no manager, or none that answers. */
async function ofUnits({ host, units: own }: Scene): Promise<UnitVariables> {
  const nothing = { environment: {}, set: [], files: [], unset: [] };
  if (own.length === 0) return nothing;
  return variablesOf(host, own).catch(() => nothing);
}

function variablesIn(text: string): Record<string, string> {
  const lines = text.split("\n").filter((line) => line.includes("="));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

function said(result: ExecResult): string {
  return succeeded(result) ? result.stdout : `${describeResult(result)}\n`;
}

function part(title: string, text: string): string {
  return `== ${title}\n${text.trimEnd()}\n\n`;
}

async function units({ host, units: own }: Scene): Promise<string> {
  if (own.length === 0) return "";
  const systemctl = async (...words: string[]) =>
    said(await host.exec(["systemctl", "--user", "--no-pager", "--full", "--plain", ...words]));
  const [jobs, listed, shown, merged] = await Promise.all([
    systemctl("list-jobs"),
    systemctl("list-units", "--all", "mosaic-*"),
    systemctl("show", "--", ...own),
    systemctl("cat", "--", ...own),
  ]);
  return (
    part("jobs", jobs) +
    part("units", listed) +
    part("units as they are merged", merged) +
    part("their properties", shown)
  );
}

async function tmuxState({ host, socket, agents }: Scene): Promise<string> {
  const tmux = tmuxClient(host, ["-L", socket]);
  const ask = async (...words: string[]) => said(await tmux(words));
  const panes =
    "#{session_name} #{pane_id} process #{pane_pid} dead=#{pane_dead} status=#{pane_dead_status} signal=#{pane_dead_signal} viewers=#{session_attached}";
  const asked = [
    part("server", await ask("display-message", "-p", "version #{version} process #{pid} socket #{socket_path}")),
    part("panes", await ask("list-panes", "-a", "-F", panes)),
    part(
      "options",
      (await ask("show-options", "-s")) + (await ask("show-options", "-gH")) + (await ask("show-options", "-gwH")),
    ),
    part("names in its environment", namesIn(await ask("show-environment", "-g"))),
  ];
  for (const { name } of agents) {
    const screen = await tmux(["capture-pane", "-p", "-S", `-${SCREEN_ROWS}`, "-t", `=${name}:`]);
    if (succeeded(screen)) asked.push(part(`what ${name} shows`, screen.stdout.trimEnd()));
  }
  return asked.join("");
}

function namesIn(environment: string): string {
  return environment
    .split("\n")
    .map((line) => line.split("=")[0])
    .join("\n");
}

async function processes({ host, sandboxed, units: own }: Scene): Promise<string> {
  const procfs = procfsOf(host);
  const runtime = host.env.XDG_RUNTIME_DIR;
  const all = await procfs.ofUser(host.user.uid);
  const lines = await Promise.all(
    all.map(async ({ pid, parent, name }) => {
      const cgroup = (await procfs.cgroup(pid)) ?? "";
      const ours = sandboxed
        ? (await procfs.variable(pid, "XDG_RUNTIME_DIR")) === runtime
        : own.some((unit) => cgroup.includes(`/${unit}`));
      if (!ours) return [];
      const words = ((await procfs.commandLine(pid)) ?? []).join(" ");
      return [`${pid} parent ${parent} ${name} | ${words.slice(0, 500)} | ${cgroup}\n`];
    }),
  );
  return lines.flat().join("") || "none\n";
}

async function cgroups({ host, units: own }: Scene): Promise<string> {
  if (own.length === 0) return "";
  const shown = await systemdOf(host).show(own);
  const without = shown.filter(({ controlGroup }) => controlGroup === "").map(({ id }) => id);
  const trees = await Promise.all(
    shown
      .filter(({ controlGroup }) => controlGroup !== "")
      .map(async ({ id, active, controlGroup }) =>
        part(`${id} is ${active}`, (await groupLines(host, controlGroup)).join("\n")),
      ),
  );
  return trees.join("") + (without.length > 0 ? part("without a cgroup", without.join("\n")) : "");
}

/** What the private manager itself has said: before it had a journal, and where there is none. */
async function managerLog({ host, sandboxed, units: own }: Scene): Promise<string> {
  if (!sandboxed || own.length === 0) return "";
  return (await host.files.read(join(dirname(host.user.home), "manager.log"))) ?? "";
}
