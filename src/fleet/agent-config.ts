import { join } from "node:path";
import { reloadManager, setEnabled } from "../adapters/unit-files.ts";
import { AGENT_KEYS } from "../core/agent-keys.ts";
import { closest } from "../core/did-you-mean.ts";
import { editEnvFile } from "../core/env-edit.ts";
import { parseEnvFile } from "../core/env-file.ts";
import { envProblems, valueProblems } from "../core/env-problems.ts";
import { FleetError } from "../core/errors.ts";
import { succeeded } from "../core/exec.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";
import { agentUnit } from "../core/names.ts";
import { pathsOf, tilde } from "../core/paths.ts";
import { shellPath } from "../core/shell.ts";
import { changeLimits, type LimitChanges, limitsPath } from "./limits.ts";
import { readOwnFile, rewrite, whileOthersWait } from "./own-file.ts";
import { refusal } from "./user-manager.ts";

export function agentFile(host: Pick<Host, "env" | "user">, name: string): string {
  return join(pathsOf(host).agents, `${name}.env`);
}

/** For its owner alone: it may hold keys. */
const PRIVATE = 0o600;

/** What is to become of an agent's settings; undefined takes one away. */
export interface AgentChanges {
  readonly variables: ReadonlyMap<string, string | undefined>;
  readonly limits: LimitChanges;
}

/** What was changed: an environment file, limits. */
export interface Changed {
  readonly file: boolean;
  readonly limits: boolean;
}

/** Whether anything of the user's says that there is such an agent: its file, or limits of ours. */
export async function isConfigured(host: Host, name: string): Promise<boolean> {
  const found = await Promise.all(
    [agentFile(host, name), limitsPath(host, name)].map((path) => host.files.status(path)),
  );
  return found.some((status) => status !== undefined);
}

/** As writeAgent(), and systemd has it. */
export async function changeAgent(
  host: Host,
  name: string,
  changes: AgentChanges,
  only?: "new" | "known",
): Promise<Changed> {
  const changed = await writeAgent(host, name, changes, only);
  if (changed.limits) await reloadUnits(host);
  return changed;
}

/**
 * Writes an agent's settings; `only` refuses one that is there already ("new"), or that is not ("known"). systemd has to be
 * told of limits: see reloadUnits(). Throws FleetError, with nothing changed.
 */
export async function writeAgent(
  host: Host,
  name: string,
  { variables, limits }: AgentChanges,
  only?: "new" | "known",
): Promise<Changed> {
  const path = agentFile(host, name);
  return whileOthersWait(host, async () => {
    if (only === "new") await mustBeNew(host, name, path);
    if (only === "known" && !(await isConfigured(host, name))) throw await unknownAgent(host, name);
    // Known to be possible before anything is written.
    await readOwnFile(host, limitsPath(host, name));
    const file = await rewrite(host, path, PRIVATE, (bytes) => {
      if (bytes === undefined && variables.size === 0 && only === "known") return undefined;
      const edited = editEnvFile(bytes ?? new Uint8Array(), variables);
      if (edited === undefined) throw notEditable(host, name, path, bytes);
      return edited;
    });
    return { file, limits: Object.keys(limits).length > 0 && (await changeLimits(host, name, limits)) };
  });
}

async function mustBeNew(host: Host, name: string, path: string): Promise<void> {
  const status = await host.files.status(path);
  if (status === undefined) return;
  throw new FleetError(
    EXIT.cantcreate,
    "Nothing was added",
    `there is an agent ${name}: ${tilde(path, host.user.home)}`,
    [`mosaic-fleet agent show ${name}`, `mosaic-fleet agent edit ${name}`],
  );
}

/** With the one that was meant, where a name is close to it. */
export async function unknownAgent(host: Host, name: string): Promise<FleetError> {
  const files = await host.files.list(pathsOf(host).agents);
  const meant = closest(
    name,
    files.filter((file) => file.endsWith(".env")).map((file) => file.slice(0, -4)),
  );
  const what = `There is no agent ${name}`;
  if (meant !== undefined)
    return new FleetError(EXIT.unavailable, what, `did you mean ${meant}?`, ["mosaic-fleet status"]);
  return new FleetError(EXIT.unavailable, what, "it has no settings file and no limits", [
    `mosaic-fleet agent add ${name}`,
  ]);
}

/** What keeps a file from being edited: the first that swallows what follows. */
function notEditable(host: Host, name: string, path: string, bytes: Uint8Array | undefined): FleetError {
  const problem = envProblems(bytes ?? "", Object.keys(AGENT_KEYS)).find(({ severity }) => severity === "fail");
  const why = problem === undefined ? "systemd would read it otherwise" : `line ${problem.line}: ${problem.message}`;
  return new FleetError(EXIT.config, `${tilde(path, host.user.home)} is left as it is`, why, [
    `mosaic-fleet agent edit ${name}   # without options: in an editor`,
  ]);
}

/** Has systemd read limits that were written. Throws FleetError (71). */
export async function reloadUnits(host: Host): Promise<void> {
  const reloaded = await reloadManager(host);
  if (succeeded(reloaded)) return;
  const { why, next } = await refusal(host, reloaded, ["systemctl --user daemon-reload"]);
  throw new FleetError(EXIT.oserr, "The limits are written, but not in force", why, next);
}

/** What is certainly wrong with an environment file, a sentence each: what an editor's file is not taken for. */
export function fileProblems(host: Host, name: string, bytes: Uint8Array): string[] {
  const assigned = parseEnvFile(bytes);
  const variables = Object.fromEntries(assigned.map(({ key, value }) => [key, value]));
  const found = [
    ...envProblems(bytes, Object.keys(AGENT_KEYS)),
    ...valueProblems(variables, name, pathsOf(host).runtime),
  ].filter(({ severity }) => severity === "fail");
  return found.map(
    ({ line, message, suggestion }) =>
      `${line > 0 ? `line ${line}: ` : ""}${message}${suggestion === undefined ? "" : ` (${suggestion})`}`,
  );
}

/** Takes what was edited, if the file is still what it was edited from. Throws FleetError. */
export async function replaceAgentFile(
  host: Host,
  name: string,
  from: Uint8Array | undefined,
  becomes: Uint8Array,
  kept: string,
): Promise<void> {
  const path = agentFile(host, name);
  await whileOthersWait(host, () =>
    rewrite(host, path, PRIVATE, (bytes) => {
      if (Buffer.compare(bytes ?? new Uint8Array(), from ?? new Uint8Array()) === 0) return becomes;
      throw new FleetError(
        EXIT.cantcreate,
        `${tilde(path, host.user.home)} is left as it is`,
        `somebody has changed it meanwhile; what you have written is in ${kept}`,
        [
          `diff ${[kept, path].map((each) => shellPath(each, host.user.home)).join(" ")}`,
          `mosaic-fleet agent edit ${name}`,
        ],
      );
    }),
  );
}

/** Has an agent start with the user manager. Throws FleetError (71). */
export async function enableAgent(host: Host, name: string): Promise<void> {
  const unit = agentUnit(name);
  const enabled = await setEnabled(host, "enable", [unit]);
  if (succeeded(enabled)) return;
  const { why, next } = await refusal(host, enabled, [
    `systemctl --user enable ${unit}`,
    "mosaic-fleet doctor --only agents",
  ]);
  throw new FleetError(EXIT.oserr, `Agent ${name} is not enabled`, why, next);
}

/** Keeps the file as it is now under another name, and returns that. */
export async function keepAgentFile(host: Host, name: string): Promise<string> {
  const path = agentFile(host, name);
  const kept = await besides(host, path, "before");
  await host.files.keep((await host.files.realPath(path)) ?? path, kept);
  return kept;
}

/** Where a file is kept, and nothing is yet: no name of an agent's, which end with .env. */
export async function besides(host: Host, path: string, word: string): Promise<string> {
  const stamped = `${path}.${word}-${host.date().toISOString().slice(0, 19).replace(/\D/g, "")}`;
  for (let count = 1; ; count++) {
    const kept = count === 1 ? stamped : `${stamped}-${count}`;
    if ((await host.files.status(kept)) === undefined) return kept;
  }
}
