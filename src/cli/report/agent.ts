import type { Host, Output } from "../../core/host.ts";
import { tilde } from "../../core/paths.ts";
import { shellWord } from "../../core/shell.ts";
import { visible } from "../../core/visible.ts";
import type { Changed } from "../../fleet/agent-config.ts";
import type { EffectiveAgent, EffectiveLimit } from "../../fleet/effective.ts";
import { paint } from "./paint.ts";
import { typed, wrap } from "./text.ts";

/** All that is in effect for an agent, and where each is from. */
export function renderAgent(output: Output, agent: EffectiveAgent, home: string): void {
  const { bold, dim, yellow } = paint(output);
  const row = (left: string, right: string) => output.write(`  ${left.padEnd(11)} ${right}\n`);
  const place = (from: string) => (from.startsWith("/") ? tilde(from, home) : (PLACES[from] ?? from));
  output.write(`${bold(agent.name)}  ${agent.unit}\n`);
  row(
    "state",
    agent.state === undefined ? `could not tell: ${agent.unmanaged}` : `${agent.state.active} (${agent.state.sub})`,
  );
  row("file", agent.file === undefined ? "none" : tilde(agent.file, home));
  row("folder", tilde(agent.workdir, home));
  const { command } = agent;
  row("command", visible("shell" in command ? command.shell : command.argv.map(shellWord).join(" ")));
  row("memory", limitText(output, agent.limits.memoryMax, home));
  row("CPU weight", limitText(output, agent.limits.cpuWeight, home));
  output.write(`\n${bold("Settings")}\n`);
  for (const { key, value, from, over } of agent.settings) {
    output.write(`  ${withPlace(output, `${key}=${visible(value)}`, place(from), 2)}\n`);
    for (const other of over) output.write(`    ${dim(`over ${visible(other.value)}, ${place(other.from)}`)}\n`);
  }
  for (const problem of agent.problems) output.write(`\n${yellow("cannot be read:")} ${tilde(problem, home)}\n`);
  if (agent.state?.needsReload)
    output.write(`\n${yellow("systemd has not read its files again:")} systemctl --user daemon-reload\n`);
  renderProgram(output, agent);
}

const PLACES: Readonly<Record<string, string>> = {
  unit: "the unit and its drop-ins",
  manager: "the user manager",
};

/** A text with where it is from: beside it, or below where the line would be too long. */
function withPlace(output: Output, text: string, place: string, indent: number): string {
  const { dim } = paint(output);
  const fits = indent + text.length + 2 + place.length <= output.columns;
  return `${text}${fits ? "  " : `\n${" ".repeat(indent + 2)}`}${dim(place)}`;
}

function limitText(output: Output, { value, from, said }: EffectiveLimit, home: string): string {
  if (value === null) return "could not tell";
  if (from === null) return value === "infinity" ? "not limited" : value;
  const text = `${said}${said === value ? "" : ` (${value})`}`;
  return withPlace(output, text, tilde(from, home), 14).replace(/\n +/, "\n    ");
}

/** Whether the program is found as the pane will look for it, and what to type where it is not. */
function renderProgram(output: Output, { program, unmanaged }: EffectiveAgent): void {
  const { red, yellow, green } = paint(output);
  if (program === undefined) return void output.write(`\nProgram: could not tell whether it is found: ${unmanaged}\n`);
  const word = { pass: green("found"), warn: yellow("look"), fail: red("will not start") }[program.status];
  const [first, ...others] = wrap(`: ${visible(program.message)}`, output.columns - "Program: will not start".length);
  output.write(`\nProgram: ${word}${first}\n`);
  for (const line of wrap(others.join(" "), output.columns - 2)) if (line !== "") output.write(`  ${line}\n`);
  const line = program.evidence?.["line to add"];
  if (line !== undefined) output.write(`  Line to add: ${line}\n`);
  for (const command of program.commands ?? []) output.write(`  Next: ${typed(output, 8, visible(command))}\n`);
}

/** What a change came to; of one that runs, `running` is what has changed. */
export function renderChanged(
  host: Pick<Host, "stdout" | "user">,
  agent: EffectiveAgent,
  changed: {
    readonly what: string | undefined;
    readonly running: Changed | undefined;
    readonly wanted: Readonly<Record<string, unknown>>;
  },
): void {
  const { stdout, user } = host;
  const { yellow, bold } = paint(stdout);
  if (changed.what !== undefined) stdout.write(`${changed.what}\n`);
  for (const [limit, wanted] of Object.entries(changed.wanted)) {
    const found = agent.limits[limit as keyof typeof agent.limits];
    if (wanted !== undefined && found.said !== null && found.said !== String(wanted))
      stdout.write(`${yellow("A drop-in of yours wins:")} ${found.said}, in ${tilde(found.from ?? "", user.home)}\n`);
  }
  if (changed.running?.file)
    stdout.write(`It runs as it was started. To start it anew: ${bold(`mosaic-fleet agent restart ${agent.name}`)}\n`);
  else if (changed.running?.limits) stdout.write("It runs, and its limits need no restart.\n"); // systemd has read them
  if (agent.program?.status !== "pass") renderProgram(stdout, agent);
}
