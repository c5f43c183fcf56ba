import { version } from "../../package.json";
import { AGENT_KEYS } from "../core/agent-keys.ts";
import { EXIT } from "../core/exit.ts";
import type { Command } from "./command.ts";
import { commands, GROUPS } from "./commands.ts";
import { ENVIRONMENT, FILES, placesOf } from "./manual-places.ts";
import { bold, italic, page, paragraph, plain, section, subsection, synopsis, terms } from "./report/roff.ts";
import { type OptionSpec, type PositionalSpec, specOf } from "./spec.ts";

type Name = keyof typeof commands;

/** A page of section 1: its name is that of its file, without .1. */
export interface ManualPage {
  readonly name: string;
  readonly text: string;
}

const PROGRAM = "mosaic-fleet";

const NAMES = Object.keys(commands) as Name[];
/** The first words of commands that have two. */
const FIRST_WORDS = [...new Set(NAMES.filter((name) => name.includes(" ")).map((name) => name.split(" ")[0] ?? ""))];

/** Every page: of the program, of what commands start with, and of each command. The date is YYYY-MM-DD, or empty. */
export async function manual(date: string): Promise<ManualPage[]> {
  const pages = await Promise.all(["", ...FIRST_WORDS, ...NAMES].map((words) => pageOf(words, date)));
  return pages.filter((page) => page !== undefined);
}

/** The page of the command that these words call, or that start with them; of the program, where there are none. */
export async function pageOf(words: string, date: string): Promise<ManualPage | undefined> {
  if (words === "") return overview(date);
  if (Object.hasOwn(commands, words)) return pageOfCommand(words as Name, date);
  return FIRST_WORDS.includes(words) ? pageOfGroup(words, date) : undefined;
}

/** As man knows it: mosaic-fleet-agent-start. */
function pageName(command: string): string {
  return `${PROGRAM}-${command.replaceAll(" ", "-")}`;
}

async function pageOfCommand(name: Name, date: string): Promise<ManualPage> {
  const { command } = await commands[name].load();
  const { options, positionals } = specOf(command);
  const title = pageName(name);
  const text = page({ name: title, date, version }, [
    nameSection(title, commands[name].summary),
    section(
      "SYNOPSIS",
      synopsis(`${PROGRAM} ${name}`, [...positionals.map(usageOfPositional), ...options.flatMap(usageOfOption)]),
    ),
    section("DESCRIPTION", ...[command.summary, ...(command.details ?? [])].map(paragraph)),
    section("OPTIONS", terms([...positionals.map(rowOfPositional), ...options.map(rowOfOption)])),
    section("EXIT STATUS", terms(command.exits.map(([code, meaning]) => [bold(String(code)), sentence(meaning)]))),
    section("EXAMPLES", terms(examplesOf(command))),
    places("FILES", italic, placesOf(FILES, name)),
    places("ENVIRONMENT", bold, placesOf(ENVIRONMENT, name)),
    section("SEE ALSO", seeAlso([PROGRAM, ...relatives(name).map(pageName)])),
  ]);
  return { name: title, text };
}

function pageOfGroup(first: string, date: string): ManualPage {
  const title = pageName(first);
  const members = NAMES.filter((name) => name.startsWith(`${first} `));
  const text = page({ name: title, date, version }, [
    nameSection(title, `the commands that start with ${first}`),
    section("SYNOPSIS", synopsis(`${PROGRAM} ${first}`, [italic("COMMAND"), `[${italic("OPTIONS")}]`])),
    section("DESCRIPTION", paragraph("Each command has a page of its own.")),
    section("COMMANDS", terms(members.map(rowOfCommand))),
    section("SEE ALSO", seeAlso([PROGRAM, ...members.map(pageName)])),
  ]);
  return { name: title, text };
}

/** What the program is for, and where the rest is. */
function overview(date: string): ManualPage {
  const text = page({ name: PROGRAM, date, version }, [
    nameSection(PROGRAM, "a durable fleet of AI coding agents on this machine"),
    section(
      "SYNOPSIS",
      synopsis(PROGRAM, [italic("COMMAND"), `[${italic("OPTIONS")}]`]),
      synopsis(PROGRAM, [`${bold("--help")}|${bold("--version")}`]),
    ),
    section("DESCRIPTION", ...ABOUT.map(paragraph)),
    section(
      "COMMANDS",
      paragraph("Each has a page of its own."),
      ...GROUPS.map((group) =>
        subsection(group, terms(NAMES.filter((name) => commands[name].group === group).map(rowOfCommand))),
      ),
    ),
    section(
      "OPTIONS",
      terms([
        [
          `${bold("-h")}, ${bold("--help")}`,
          "Show what there is; with a command, its options, exit codes and examples.",
        ],
        [`${bold("-V")}, ${bold("--version")}`, "Show the version."],
      ]),
    ),
    section(
      "EXIT STATUS",
      paragraph("The same everywhere; a command's own page says more."),
      terms(Object.entries(EXIT).map(([key, code]) => [bold(String(code)), MEANINGS[key as keyof typeof EXIT]])),
    ),
    section("EXAMPLES", terms(EXAMPLES.map(([typed, does]) => [bold(typed), does]))),
    section(
      "SETTINGS",
      paragraph(
        "In fleet.env, and in the file of an agent, which wins. They are read by systemd, not by a shell: no export, no $HOME; a leading ~/ is understood in folders.",
      ),
      terms(Object.entries(AGENT_KEYS).map(([key, meaning]) => [bold(key), sentence(meaning)])),
    ),
    places("FILES", italic, placesOf(FILES)),
    places("ENVIRONMENT", bold, placesOf(ENVIRONMENT)),
    section("SEE ALSO", seeAlso(NAMES.map(pageName))),
  ]);
  return { name: PROGRAM, text };
}

const ABOUT = [
  "A holder unit owns a tmux server on a socket of its own, and every agent is a session on it whose processes live in a systemd unit of their own. An agent can crash, run out of memory or be stopped, the tmux server can be killed, the machine can reboot, and nothing else is disturbed.",
  "doctor says whether that will hold on this machine, install lays it out, and canary proves it, promise by promise, on real systemd and real tmux. All of it is the user's own, below the home folder; the user's default tmux server is never touched.",
  "What install lays out works without this program, too: the units are mosaic-tmux-holder.service and mosaic-agent@NAME.service, for systemctl --user, and the socket is mosaic-factory, for tmux -L. What is the user's (FILES says which) is never overwritten.",
];

const EXAMPLES = [
  [
    "mosaic-fleet canary --sandbox",
    "Does it hold here? In a private user manager; nothing is installed, nothing of yours is touched.",
  ],
  ["mosaic-fleet doctor", "What is not right on this machine, and what to type about it?"],
  ["mosaic-fleet install --enable --now", "Lay out the fleet; start its tmux server, now and at boot."],
  ["mosaic-fleet agent add coder --runtime claude --enable --start", "Add an agent, and start it, now and at boot."],
  ["mosaic-fleet agent attach coder", "Work with it."],
] as const;

const MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: "All is well, or is done.",
  broken: "Something is broken, or a promise does not hold.",
  unknown: "It could not be told.",
  waited: "What was waited for did not come in its time.",
  usage: "Wrong usage.",
  dataerr: "What was brought is not what it should be: other bytes, another signature.",
  unavailable: "Something that it takes is not there.",
  software: "A defect in this program.",
  oserr: "The system refused something that should work.",
  cantcreate: "A file cannot be written, or is not ours to replace.",
  ioerr: "What was to be printed could not be.",
  config: "A file with settings cannot be read.",
  hungUp: "Ended by SIGHUP.",
  interrupted: "Interrupted by Ctrl-C.",
  terminated: "Ended by SIGTERM.",
};

/** What man and apropos find it by. */
function nameSection(name: string, summary: string): string {
  return section("NAME", `${plain(name)} \\- ${plain(summary)}\n`);
}

/** With a capital and a full stop. */
function sentence(text: string): string {
  return /^[a-z]+(?![\w.-]*[./=])/.test(text) ? `${text[0]?.toUpperCase()}${text.slice(1)}.` : `${text}.`;
}

function rowOfCommand(name: Name): [string, string] {
  return [`${bold(pageName(name))}(1)`, sentence(commands[name].summary)];
}

function usageOfPositional({ name, list, required }: PositionalSpec): string {
  const shown = `${italic(name)}${list ? plain("…") : ""}`;
  return required ? shown : `[${shown}]`;
}

function usageOfOption({ spellings, value }: OptionSpec): string[] {
  if (spellings.includes("--help")) return [];
  return [`[${bold(spellings[0] ?? "")}${value === undefined ? "" : ` ${italic(value)}`}]`];
}

function rowOfPositional({ name, description }: PositionalSpec): [string, string] {
  return [italic(name), sentence(description)];
}

function rowOfOption({ spellings, value, description }: OptionSpec): [string, string] {
  const typed = spellings.toReversed().map(bold).join(", ");
  return [value === undefined ? typed : `${typed} ${italic(value)}`, sentence(description)];
}

function examplesOf({ examples }: Command): [string, string][] {
  return examples.map(([typed, does]) => [bold(typed), sentence(does)]);
}

function places(title: string, shown: (name: string) => string, rows: ReturnType<typeof placesOf>): string {
  return rows.length === 0 ? "" : section(title, terms(rows.map(([name, says]) => [shown(name), says])));
}

/** The commands that go with one: those of its group. */
function relatives(name: Name): Name[] {
  return NAMES.filter((other) => other !== name && commands[other].group === commands[name].group);
}

function seeAlso(pages: readonly string[]): string {
  const others = ["tmux", "systemctl", "loginctl", "journalctl"];
  return `${[...pages, ...others].map((each) => `${bold(each)}(1)`).join(",\n")}\n`;
}
