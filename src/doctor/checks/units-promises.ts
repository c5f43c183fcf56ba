import { basename, join } from "node:path";
import { samePlace } from "../../adapters/looks.ts";
import type { ServiceUnit } from "../../adapters/manager.ts";
import { loadErrorOf, type Unit } from "../../adapters/systemd.ts";
import { stopSecondsOf } from "../../core/agent-keys.ts";
import { AGENT_TEMPLATE, agentOfUnit, agentUnit, HOLDER_UNIT, isAgentName } from "../../core/names.ts";
import { tilde } from "../../core/paths.ts";
import { moveAside, shellPath } from "../../core/shell.ts";
import { commandsOf, scriptsIn } from "../../core/unit-commands.ts";
import { settingIn } from "../../core/unit-lines.ts";
import { type BrokenSetting, judgeSettings, saysAnythingJudged } from "../../core/unit-settings.ts";
import { type Check, ofSubjects, type SubjectResult } from "../check.ts";
import { thenReload } from "../root-reload.ts";
import type { Tools } from "../tools.ts";
import type { UnitFiles } from "../unit-files.ts";

export const unitsPromises: Check = {
  id: "units.promises",
  title: "the settings on which the fleet stands are in force",
  explain: {
    checks:
      "The settings of the holder, the template and each agent with settings of its own as systemd has merged them: those on which the fleet stands, such as OOMPolicy=, Delegate=, KillMode=, Restart=, RestartSec=, RuntimeMaxSec=, TimeoutStopSec=, Requires=, and the scripts of ExecStart=. Whether any Condition…= or Assert…= keeps one from starting now, as systemd-analyze condition tells it, or an ExecCondition= could. TimeoutStopSec= is held against MOSAIC_AGENT_STOP_SECONDS. And what confines an agent's unit, such as PrivateNetwork= or ReadOnlyPaths=, and so not the agent. Named with each are the effective value, the one that the layout has, and the file and line that set it.",
    why: "Everything else may be changed in a drop-in, and is not judged here: what you add, such as ExecStartPre= or limits, can keep a unit from running, which holder.server and agents.state then tell. These may not be changed: one line can make a single process out of memory end the whole fleet, or a unit that says active while its agent is gone. A unit whose condition does not hold is passed over without a word. And an agent is the tmux server's child: limits of its own reach it (MemoryMax=, TasksMax=, CPUWeight=), but what systemd does to the processes that it starts itself, such as a file system or a network of their own, it has from the holder.",
    mend: "Take the line out of the file that is named, then run systemctl --user daemon-reload.",
  },
  requires: ["units.loaded"],
  async run(tools) {
    const [holder, template, files] = await Promise.all([tools.holder(), tools.template(), tools.unitFiles()]);
    const common = await judge(tools, template, await stopSeconds(tools, template));
    const own = await Promise.all(
      (await agentsToAsk(tools, files, template)).map(async (name) => {
        const unit = await tools.agentUnit(name);
        if (isRefused(unit)) return refused(unit);
        // What the template itself has broken is said once.
        const broken = (await judge(tools, unit, await stopSeconds(tools, unit))).filter(({ directive, value }) =>
          common.every((each) => each.directive !== directive || each.value !== value),
        );
        return subjectOf(tools, files, agentUnit(name), unit, broken);
      }),
    );
    const subjects = [
      await subjectOf(tools, files, HOLDER_UNIT, holder, await judge(tools, holder)),
      await subjectOf(tools, files, AGENT_TEMPLATE, template, common),
      ...own,
    ];
    return ofSubjects(subjects, {
      many: "units",
      healthy: own.length === 0 ? "" : `${subjects.length} judged`,
      failing: "their settings break what the fleet promises",
    });
  },
};

/** How long a stop of a unit's agent may wait, by its settings in the order in which they win. */
async function stopSeconds(tools: Tools, { id, environment }: ServiceUnit): Promise<number> {
  const [fleet, agents] = await Promise.all([tools.settings(), tools.agentFiles()]);
  const own = agents.get(agentOfUnit(id) ?? "");
  return stopSecondsOf({ ...environment, ...fleet?.variables, ...own?.variables }.MOSAIC_AGENT_STOP_SECONDS);
}

/** Agents whose stop may take longer than the template lets it. */
async function slowToStop(tools: Tools, template: Unit): Promise<string[]> {
  const bySeconds = new Map<number, string[]>();
  for (const [name, { variables }] of await tools.agentFiles()) {
    const seconds = stopSecondsOf(variables.MOSAIC_AGENT_STOP_SECONDS);
    if (isAgentName(name) && variables.MOSAIC_AGENT_STOP_SECONDS !== undefined)
      bySeconds.set(seconds, [...(bySeconds.get(seconds) ?? []), name]);
  }
  return [...bySeconds].flatMap(([seconds, names]) =>
    judgeSettings(template, seconds).some(({ directive }) => directive === "TimeoutStopSec") ? names : [],
  );
}

/**
 * Agents that differ from the template in something judged, by a file of their own, by a condition with their name in it, or by how
 * long they may take to stop.
 */
async function agentsToAsk(tools: Tools, files: UnitFiles, template: Unit): Promise<string[]> {
  if (asksForName(template)) return (await tools.agents()).map(({ name }) => name).filter(isAgentName);
  const slow = await slowToStop(tools, template);
  const asked = await Promise.all(
    [...new Set([...slow, ...files.agents])].map(async (name) => {
      if (slow.includes(name)) return name;
      const unit = agentUnit(name);
      if (files.ownFiles(unit).length > 0) return name;
      const own = files.dropIns(unit).filter((path) => !template.dropIns.includes(path));
      const texts = await Promise.all(own.map((path) => files.text(path).catch(() => undefined))); // told by units.drop-ins
      return texts.some((text) => text !== undefined && saysAnythingJudged(text)) ? name : undefined;
    }),
  );
  return asked.flatMap((name) => name ?? []);
}

/** Masked, or away: told by units.loaded. */
function isRefused({ load }: Unit): boolean {
  return load !== "loaded" && load !== "masked" && load !== "not-found";
}

function refused(unit: Unit): SubjectResult {
  return {
    subject: unit.id,
    status: "fail",
    message: `systemd refuses it (${unit.load}): ${loadErrorOf(unit)}`,
    evidence: { "drop-ins": unit.dropIns },
    fix: {
      commands: [
        `systemctl --user cat ${unit.id}`,
        `systemctl --user edit ${unit.id}`,
        "systemctl --user daemon-reload",
      ],
    },
  };
}

/** What is wrong with a unit; its scripts must be those that were installed, not others of the same name. */
async function judge(tools: Tools, unit: Unit, seconds?: number): Promise<BrokenSetting[]> {
  const { paths } = tools;
  if (unit.load !== "loaded") return [];
  const broken = [...judgeSettings(unit, seconds), ...(await failingConditions(tools, unit))];
  if (broken.some(({ directive }) => directive === "ExecStart")) return broken;
  const value = unit.extra.ExecStart ?? "";
  const scripts = commandsOf(value).flatMap(({ argv }) => scriptsIn(argv));
  for (const script of scripts) if (await samePlace(script, join(paths.tools, basename(script)))) return broken;
  const [script = ""] = scripts;
  const wanted = join(paths.tools, basename(script));
  const otherwise = "a script is run that mosaic-fleet did not install";
  return [...broken, { directive: "ExecStart", value: script, wanted, otherwise, minor: false }];
}

/** Whether the conditions of the template, read of an instance that is none, name the instance. */
function asksForName({ id, extra }: Unit): boolean {
  return id === agentUnit("doctor") && `${extra.Conditions} ${extra.Asserts}`.includes("doctor");
}

/** The user's own: they may be meant so, but nothing else says that they keep a unit from starting. */
async function failingConditions({ systemd }: Tools, unit: Unit): Promise<BrokenSetting[]> {
  const { Conditions = "", Asserts = "" } = unit.extra;
  if (`${Conditions}${Asserts}` === "" || asksForName(unit)) return [];
  return (await systemd.failingConditions(unit.id)).map(({ directive, value }) => ({
    directive,
    value,
    wanted: "none",
    otherwise: directive.startsWith("Assert")
      ? "it does not hold now, and each start fails"
      : "it does not hold now, and systemd passes over the unit without a word, at boot too",
    minor: unit.id !== HOLDER_UNIT,
  }));
}

async function subjectOf(
  tools: Tools,
  files: UnitFiles,
  subject: string,
  unit: Unit,
  broken: readonly BrokenSetting[],
): Promise<SubjectResult> {
  if (broken.length === 0) return { subject, status: "pass", message: "as promised" };
  const { host } = tools;
  const messages: string[] = [];
  const evidence: Record<string, string> = {};
  const commands = new Set<string>();
  const root = new Set<string>();
  for (const { directive, value, wanted, otherwise } of broken) {
    const source = await sourceOf(files, unit, directive);
    const at = tilde(source.path, host.user.home);
    messages.push(`${directive}=${value} (${wanted} in the layout): ${otherwise}`);
    evidence[directive] = source.line === undefined ? `no line in ${at}` : `${at}:${source.line}: ${source.said}`;
    const mend = await mendOf(tools, unit, source, directive);
    for (const command of mend.commands) (mend.root ? root : commands).add(command);
  }
  if (commands.size > 0 || root.size === 0) commands.add("systemctl --user daemon-reload");
  return {
    subject,
    status: broken.every(({ minor }) => minor) ? "warn" : "fail",
    message: messages.join("; "),
    evidence,
    fix: { commands: [...commands], root: root.size === 0 ? [] : thenReload(host, [...root]) },
  };
}

interface Source {
  readonly path: string;
  readonly line?: number;
  readonly said?: string;
  readonly continued?: boolean;
}

/** The file that has the last word; the unit's own where none says anything. */
async function sourceOf(files: UnitFiles, unit: Unit, directive: string): Promise<Source> {
  for (const path of [...unit.dropIns].reverse().concat(unit.fragment)) {
    const text = (await files.text(path).catch(() => undefined)) ?? "";
    const found = settingIn(text, directive);
    if (found !== undefined) return { path, ...found };
  }
  return { path: unit.fragment };
}

async function mendOf(tools: Tools, { fragment }: Unit, { path, line, continued }: Source, directive: string) {
  const { host } = tools;
  const plan = await tools.plan();
  const ours = plan.steps.find(({ action }) => action.kind === "write-file" && action.path === path);
  // As it was installed it breaks nothing: what does was there when the manager read it, and is not any more.
  if (ours?.change === "none") return { root: false, commands: [] };
  if (ours !== undefined)
    return { root: false, commands: [moveAside(path, "yours"), "mosaic-fleet install --restore"] };
  const root = !(await host.files.allows(path, "write"));
  // Of a line that runs on, or that is not there, no line can be taken out; in a unit's own file the template's is not behind it.
  if (line === undefined || continued || path === fragment) return { root, commands: [moveAside(path, "off")] };
  return { root, commands: [`sed -i '/^\\s*${directive}\\s*=/d' ${shellPath(path, host.user.home)}`] };
}
