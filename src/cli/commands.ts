import type { Command } from "./command.ts";

/** The parts of the help, in their order. */
export const GROUPS = ["Set up", "Every day", "Agents", "This program"] as const;

/** One line of the help, and where the rest is. */
export interface Entry {
  readonly group: (typeof GROUPS)[number];
  readonly summary: string;
  load(): Promise<{ readonly command: Command }>;
}

/** Every command, by the words that call it: a line here, a file in commands/. Loaded only when it is called. */
export const commands = {
  doctor: {
    group: "Set up",
    summary: "say whether a fleet will hold on this machine, and what to do",
    load: () => import("./commands/doctor.ts"),
  },
  install: {
    group: "Set up",
    summary: "lay out the units and scripts of the fleet",
    load: () => import("./commands/install.ts"),
  },
  canary: {
    group: "Set up",
    summary: "prove, on real systemd and real tmux, that the fleet holds",
    load: () => import("./commands/canary.ts"),
  },
  rollback: {
    group: "Set up",
    summary: "lay out the version before this one again",
    load: () => import("./commands/rollback.ts"),
  },
  uninstall: {
    group: "Set up",
    summary: "remove what install has laid out",
    load: () => import("./commands/uninstall.ts"),
  },
  status: {
    group: "Every day",
    summary: "say what each agent does, and where systemd and tmux disagree",
    load: () => import("./commands/status.ts"),
  },
  apply: {
    group: "Every day",
    summary: "bring agents to what a roster file says",
    load: () => import("./commands/apply.ts"),
  },
  export: {
    group: "Every day",
    summary: "write the roster of the agents that there are",
    load: () => import("./commands/export.ts"),
  },
  "agent start": {
    group: "Agents",
    summary: "start agents, and wait until they are up",
    load: () => import("./commands/agent-start.ts"),
  },
  "agent stop": {
    group: "Agents",
    summary: "stop agents, and close their sessions",
    load: () => import("./commands/agent-stop.ts"),
  },
  "agent restart": {
    group: "Agents",
    summary: "give agents a new process, and wait until they are up",
    load: () => import("./commands/agent-restart.ts"),
  },
  "agent enable": {
    group: "Agents",
    summary: "have agents start at boot; --now: and now",
    load: () => import("./commands/agent-enable.ts"),
  },
  "agent disable": {
    group: "Agents",
    summary: "have agents start no more by themselves; --now: stop them, too",
    load: () => import("./commands/agent-disable.ts"),
  },
  completions: {
    group: "This program",
    summary: "print what lets bash, zsh or fish complete all of this",
    load: () => import("./commands/completions.ts"),
  },
  man: {
    group: "This program",
    summary: "show the manual: a page of each command",
    load: () => import("./commands/man.ts"),
  },
  "agent add": {
    group: "Agents",
    summary: "add an agent: its settings, its limits",
    load: () => import("./commands/agent-add.ts"),
  },
  "agent edit": {
    group: "Agents",
    summary: "change an agent's settings",
    load: () => import("./commands/agent-edit.ts"),
  },
  "agent rm": {
    group: "Agents",
    summary: "remove an agent; its settings are kept aside",
    load: () => import("./commands/agent-rm.ts"),
  },
  "agent show": {
    group: "Agents",
    summary: "show what is in effect for an agent, and where it is from",
    load: () => import("./commands/agent-show.ts"),
  },
  "agent attach": {
    group: "Agents",
    summary: "show an agent at this terminal, to work in",
    load: () => import("./commands/agent-attach.ts"),
  },
  "agent tail": {
    group: "Agents",
    summary: "print what is on an agent's screen, and what comes",
    load: () => import("./commands/agent-tail.ts"),
  },
  "agent watch": {
    group: "Agents",
    summary: "show an agent at this terminal, read-only",
    load: () => import("./commands/agent-watch.ts"),
  },
  "agent logs": {
    group: "Agents",
    summary: "show what systemd and the fleet's scripts said of an agent",
    load: () => import("./commands/agent-logs.ts"),
  },
  "agent send": {
    group: "Agents",
    summary: "type a text into an agent's program, exactly",
    load: () => import("./commands/agent-send.ts"),
  },
  "self-update": {
    group: "This program",
    summary: "replace this binary by a newer one, or go back",
    load: () => import("./commands/self-update.ts"),
  },
} as const satisfies Record<string, Entry>;
