import type { FileStatus } from "./host.ts";
import { shellWord } from "./shell.ts";

/** Why the user manager cannot be reached, and what to type about it. */
export interface BusProblem {
  readonly cause: string;
  readonly remedy: Remedy;
}

export interface Remedy {
  /** What the user types, in order, after what root has typed. */
  readonly commands: readonly string[];
  /** What only root may do, without sudo. */
  readonly root: readonly string[];
  /** Root's come after the user's: they are for when those do not help. */
  readonly rootLast?: boolean;
}

/** What kind of machine this looks like from inside. */
export type MachineKind = "container" | "wsl" | "machine";

/** What the cause is told by: all of it read from files and variables, nothing asked of anybody. */
export interface Circumstances {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly user: { readonly uid: number; readonly name: string };
  /** Whether systemd is the machine's first process; without it no variable that could be set would help. */
  readonly booted: boolean;
  readonly machine: MachineKind;
  /** The name of the first process, as far as it can be seen. */
  readonly first: string | undefined;
  /** This process's own cgroup: says which door it came in by. */
  readonly cgroup: string;
  /** What is at XDG_RUNTIME_DIR. */
  readonly runtime: FileStatus | undefined;
  /** What is at the manager's private socket in it. */
  readonly socket: FileStatus | undefined;
  /** Whether logind's folder for this user, /run/user/UID, is there: then a manager of this user's runs. */
  readonly usual: boolean;
}

/**
 * How the attempt ended. `code`: the system's (ENOENT, ECONNREFUSED, ETIMEDOUT …), EPROTO where something else than a
 * manager answers, "no-systemctl". `said`: the words, for what nobody has foreseen.
 */
export interface BusFailure {
  readonly code: string;
  readonly said: string;
}

/** A way into a shell that leaves the runtime folder out, by its traces. The first that fits is it. */
interface Door {
  readonly fits: (circumstances: Circumstances) => boolean;
  /** Completes "this shell comes from …". */
  readonly words: (circumstances: Circumstances) => string;
  readonly commands?: (circumstances: Circumstances) => readonly string[];
  readonly root?: (circumstances: Circumstances) => readonly string[];
}

/** Which user's slice logind has put this process into; undefined outside of every session. */
const sliceOwner = ({ cgroup }: Circumstances) => /\/user-(\d+)\.slice\//.exec(cgroup)?.[1];
/** The system's service in which this process runs: what cron and sshd leave it in without a session. */
const service = ({ cgroup }: Circumstances) =>
  /^\/system\.slice\/(?:.*\/)?([^/]+?)(?:@[^/]*)?\.service/.exec(cgroup)?.[1];

const DOORS: readonly Door[] = [
  {
    fits: ({ env, user }) => user.uid === 0 && env.SUDO_UID !== undefined && env.SUDO_UID !== "0",
    words: ({ env }) => `sudo: it is root's, and the fleet is ${env.SUDO_USER ?? "the user"}'s`,
    commands: () => ["exit   # then the same without sudo"],
  },
  {
    fits: ({ env, user }) => env.SUDO_UID !== undefined && env.SUDO_UID !== String(user.uid),
    words: () => "sudo -u, which opens no session",
  },
  {
    fits: (all) => sliceOwner(all) !== undefined && sliceOwner(all) !== String(all.user.uid),
    words: (all) => `su: its session is user ${sliceOwner(all)}'s`,
  },
  {
    fits: (all) => /^(crond?|cronie|atd|anacron|fcron)$/.test(service(all) ?? ""),
    words: (all) => `${service(all)}, which opens no session`,
  },
  {
    fits: (all) => /^sshd?$/.test(service(all) ?? "") || (all.env.SSH_CONNECTION !== undefined && outside(all)),
    words: () => "ssh without a session: sshd uses no PAM, or PAM has no pam_systemd",
    root: (all) => [
      `sh -c 'echo UsePAM yes >/etc/ssh/sshd_config.d/00-use-pam.conf'`,
      `systemctl reload ${service(all) ?? "ssh"}.service   # then log in again`,
    ],
  },
  {
    fits: (all) => service(all) !== undefined,
    words: (all) => `the system's service ${service(all)}, which opens no session`,
  },
];

/** No session and no user manager's unit either, on a machine where logind puts everybody into one. */
function outside({ booted, cgroup }: Circumstances): boolean {
  return booted && !cgroup.includes("/user.slice/");
}

/** A cause, in the order in which they are looked for: the first that fits is it. */
interface Cause {
  readonly fits: (failure: BusFailure, circumstances: Circumstances) => boolean;
  readonly words: (circumstances: Circumstances, failure: BusFailure) => string;
  /** reach: the way to a manager that runs, or that will. restart: it is there and of no use. hangs: it may go on. */
  readonly remedy: "boot" | "reach" | "restart" | "hangs" | "look";
}

const runtimeOf = ({ env }: Circumstances) => env.XDG_RUNTIME_DIR ?? "";
const is =
  (...codes: readonly string[]) =>
  ({ code }: BusFailure) =>
    codes.includes(code);

const CAUSES: readonly Cause[] = [
  {
    fits: is("no-systemctl"),
    words: () => "systemctl is not installed: this machine does not run systemd",
    remedy: "boot",
  },
  {
    // Whatever the machine was booted with, and whoever has started it.
    fits: (failure, all) => is("ETIMEDOUT")(failure) && runtimeOf(all) !== "",
    words: () => "the user manager takes connections but did not answer in time: it hangs, or is stopped",
    remedy: "hangs",
  },
  { fits: (_, { booted }) => !booted, words: notBooted, remedy: "boot" },
  {
    fits: (_, all) => runtimeOf(all) === "",
    words: (all) => `XDG_RUNTIME_DIR is not set${from(all)}`,
    remedy: "reach",
  },
  {
    fits: (_, all) => !runtimeOf(all).startsWith("/"),
    words: (all) => `XDG_RUNTIME_DIR is ${runtimeOf(all)}, which is no whole path`,
    remedy: "reach",
  },
  {
    fits: (_, { runtime, user }) => runtime !== undefined && runtime.uid !== user.uid,
    words: (all) =>
      `${runtimeOf(all)} belongs to another user (uid ${all.runtime?.uid}, this is ${all.user.uid})${from(all)}`,
    remedy: "reach",
  },
  {
    fits: is("EACCES", "EPERM"),
    words: (all) => `the socket in ${runtimeOf(all)} belongs to another user, or lets this one not in${from(all)}`,
    remedy: "reach",
  },
  {
    fits: (_, all) => all.runtime === undefined,
    words: (all) =>
      `no user manager runs for ${all.user.name} at XDG_RUNTIME_DIR: there is no folder ${runtimeOf(all)}${from(all)}`,
    remedy: "reach",
  },
  {
    fits: (_, { socket }) => socket !== undefined && socket.kind !== "socket",
    words: (all) => `${runtimeOf(all)}/systemd/private is no socket: something else was put where the manager listens`,
    remedy: "restart",
  },
  {
    fits: is("ECONNREFUSED", "ECONNRESET"),
    words: (all) => `the socket in ${runtimeOf(all)} is stale: its manager is gone`,
    remedy: "restart",
  },
  {
    fits: is("ENOENT"),
    words: (all) => `no user manager runs for ${all.user.name}: there is no socket in ${runtimeOf(all)}${from(all)}`,
    remedy: "reach",
  },
  {
    fits: is("EPROTO"),
    words: (all) => `what answers at ${runtimeOf(all)}/systemd/private is no manager of systemd's`,
    remedy: "restart",
  },
  {
    fits: () => true,
    words: (_, { said }) => said.trim().split("\n")[0] || "systemctl --user failed without a word",
    remedy: "look",
  },
];

/** Which of the causes it is. */
export function busProblem(failure: BusFailure, circumstances: Circumstances): BusProblem {
  const found = CAUSES.find(({ fits }) => fits(failure, circumstances));
  if (found === undefined) throw new Error("the last cause fits everything");
  return { cause: found.words(circumstances, failure), remedy: remedyOf(found.remedy, circumstances) };
}

function remedyOf(kind: Cause["remedy"], circumstances: Circumstances): Remedy {
  const { uid } = circumstances.user;
  const name = shellWord(circumstances.user.name);
  const usual = `/run/user/${uid}`;
  const elsewhere = runtimeOf(circumstances) !== usual;
  // user@UID.service has to do with logind's folder alone.
  switch (kind === "restart" && elsewhere ? "reach" : kind) {
    case "boot":
      return bootRemedy(circumstances);
    case "look":
      return { commands: ["systemctl --user status"], root: [] };
    case "hangs":
      return {
        commands: [
          `ps -o pid,stat,args -u ${uid} | grep '[s]ystemd --user'   # STAT T: it is stopped, and kill -CONT PID has it go on`,
          "mosaic-fleet doctor --only agents.env-file   # it waits for ever at a pipe in the place of a settings file",
          ...(elsewhere && circumstances.usual ? [`export XDG_RUNTIME_DIR=${usual}   # where another one is`] : []),
        ],
        root:
          elsewhere || !circumstances.booted
            ? []
            : [`systemctl restart user@${uid}.service   # if nothing else helps: ends what still runs under it`],
        rootLast: true,
      };
    case "restart":
      return { commands: [], root: [`systemctl restart user@${uid}.service   # ends what still runs under it`] };
    case "reach": {
      const door = doorOf(circumstances);
      if (door?.commands !== undefined) return { commands: door.commands(circumstances), root: [] };
      const run = circumstances.usual ? [] : [`loginctl enable-linger ${name}`];
      // logind's folder without a socket in it: lingering alone starts no manager that was ended.
      const start =
        circumstances.usual && !elsewhere
          ? [`loginctl enable-linger ${name}`, `systemctl restart user@${uid}.service`]
          : run;
      return {
        commands: !elsewhere ? [] : [`export XDG_RUNTIME_DIR=${usual}`],
        root: [...start, ...(door?.root?.(circumstances) ?? [])],
      };
    }
  }
}

function doorOf(circumstances: Circumstances): Door | undefined {
  return DOORS.find(({ fits }) => fits(circumstances));
}

function from(circumstances: Circumstances): string {
  const door = doorOf(circumstances);
  return door === undefined ? "" : ` (this shell comes from ${door.words(circumstances)})`;
}

const NOT_BOOTED: Readonly<Record<MachineKind, string>> = {
  container: "this container was not booted with systemd",
  wsl: "this WSL distribution was not booted with systemd",
  machine: "this machine was not booted with systemd",
};

/** Where systemd is not the first process: what that means, by the kind of machine. */
export function notBooted({ machine, first }: Pick<Circumstances, "machine" | "first">): string {
  const what = first === undefined ? "" : ` (its first process is ${first})`;
  return `${NOT_BOOTED[machine]}${what}: ${machine === "wsl" ? "no user manager runs until it is" : "only the sandbox works here"}`;
}

export function bootRemedy({ machine, user }: Pick<Circumstances, "machine" | "user">): Remedy {
  if (machine === "wsl")
    return {
      commands: ["wsl.exe --shutdown   # then open the distribution again"],
      root: [
        `sh -c 'grep -qs "^\\[boot\\]" /etc/wsl.conf || echo "[boot]" >>/etc/wsl.conf; sed -i "/^systemd *=/d; /^\\[boot\\]/a systemd=true" /etc/wsl.conf'`,
      ],
    };
  // Only root can make it look to a private manager as if the machine had been booted with systemd.
  const sandbox = ["mosaic-fleet canary --sandbox"];
  return user.uid === 0 ? { commands: sandbox, root: [] } : { commands: [], root: sandbox };
}

/** A remedy as an ordinary user types it: what only root may do with sudo. */
export function typed({ commands, root, rootLast = false }: Remedy): string[] {
  const asRoot = root.map((command) => `sudo ${command}`);
  return rootLast ? [...commands, ...asRoot] : [...asRoot, ...commands];
}
