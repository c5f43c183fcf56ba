import type { Run } from "./build.ts";

/** A booted Debian with logind, a user manager and real logins. */
export interface Machine {
  /** Runs a shell script in it as root, outside of any session. */
  asRoot(script: string): Run;
  /** Logs the user in over ssh for one script: a session of logind's, as a person has it. */
  login(script: string, options?: { readonly terminal?: boolean }): Run;
  /** The same, as long as wanted: a person who stays logged in. Returns the logout. */
  stayLoggedIn(): () => void;
  /** Reboots it, and waits until it is up. */
  reboot(): void;
  /** Waits until a script that root runs succeeds; throws with what the machine has said last. */
  until(what: string, script: string, limitMs?: number): void;
  close(): void;
}

/** What a machine stands on: a container (machine-container.ts), or a kernel of its own (machine-kernel.ts). */
export interface Ground {
  /** Runs a shell script in it as root with `rootEnvironment`; the code is null where it is down, or past the time limit. */
  inside(script: string, timeoutMs: number): Run;
  /** What it has said on its console. */
  console(): string;
  /** Ends it, and removes what was made for it. */
  close(): void;
}

/** All that a script of root's has in its environment. */
export const rootEnvironment = [
  "env",
  "-i",
  "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  "HOME=/root",
  "LANG=C.UTF-8",
];

const BOOT_LIMIT_MS = 60_000;
const SCRIPT_LIMIT_MS = 120_000;

/** The machine on a ground that boots: waits until it is up, and closes it where that takes too long. */
export function machineOn(ground: Ground): Machine {
  const asRoot = (script: string) => ground.inside(script, SCRIPT_LIMIT_MS);
  const machine: Machine = {
    asRoot,
    login: (script, { terminal = false } = {}) => asRoot(ssh(terminal ? "-tt" : "-T", script)),
    stayLoggedIn() {
      asRoot(`setsid ${ssh("-T", "exec tail -f /dev/null")} </dev/null >/dev/null 2>&1 &`);
      machine.until("the user is logged in", "pgrep -u ada -x tail", 20_000);
      return () => machine.until("the session has ended", "pkill -u ada -x tail; ! pgrep -u ada -x tail", 5_000);
    },
    reboot() {
      ground.inside("touch /run/before-the-reboot; systemctl reboot --no-block", 2_000); // its answer may not come any more
      waitFor("it goes down and comes back", () => ground.inside("[ ! -e /run/before-the-reboot ]", 5_000).code === 0);
      up();
    },
    until: (what, script, limitMs = 30_000) => waitFor(what, () => asRoot(script).code === 0, limitMs),
    close: ground.close,
  };
  function waitFor(what: string, holds: () => boolean, limitMs = BOOT_LIMIT_MS): void {
    for (const end = Date.now() + limitMs; !holds(); Bun.sleepSync(50))
      if (Date.now() > end) {
        const { stdout } = ground.inside("journalctl --boot --lines 40 --no-hostname", 10_000);
        throw new Error(`${what}: not within ${limitMs / 1000} s\n${ground.console().slice(-2000)}\n${stdout}`);
      }
  }
  const up = () => {
    const ready = "systemctl is-system-running | grep -Eq 'running|degraded' && systemctl -q is-active ssh";
    waitFor("it is up", () => ground.inside(ready, 10_000).code === 0);
  };
  try {
    up();
  } catch (error) {
    machine.close();
    throw error;
  }
  return machine;
}

/** The command that logs the user in for a script. */
function ssh(terminal: "-tt" | "-T", script: string): string {
  // This key exchange takes a third off the time of a login, a fifth of a second on a kernel of its own.
  const options =
    "-o KexAlgorithms=curve25519-sha256 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o BatchMode=yes";
  return `ssh ${options} ${terminal} ada@127.0.0.1 '${script.replaceAll("'", `'\\''`)}'`;
}
