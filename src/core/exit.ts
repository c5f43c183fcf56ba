/** Every exit code of the program, named once. 64 and up are those of sysexits.h. */
export const EXIT = {
  ok: 0,
  /** Something is broken, or a promise does not hold. */
  broken: 1,
  /** It could not be told whether something is broken. */
  unknown: 2,
  /** What was waited for did not come in its time. */
  waited: 3,
  usage: 64,
  /** What was brought is not what it should be: other bytes, another signature. */
  dataerr: 65,
  /** A prerequisite is missing. */
  unavailable: 69,
  /** A defect in this program. */
  software: 70,
  /** The system refused something that should work (an operating system error). */
  oserr: 71,
  /** A file cannot be created, or is not ours to replace. */
  cantcreate: 73,
  /** What was to be written to stdout could not be. */
  ioerr: 74,
  config: 78,
  /** Ended by SIGHUP, SIGINT (Ctrl-C) or SIGTERM, as a shell would report it. */
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The exit code of who was interrupted: `reason` is that of Host.interrupted, the signal. */
export function exitOfInterrupt(reason: unknown): ExitCode {
  return reason === "SIGHUP" ? EXIT.hungUp : reason === "SIGTERM" ? EXIT.terminated : EXIT.interrupted;
}

/**
 * What a canary run came to. tmux-only: what was tried is kept, and that was the tmux half alone, which is no pass.
 * unavailable: a prerequisite is missing, so nothing could be tried.
 */
export const CANARY_VERDICTS = ["pass", "tmux-only", "broken", "unknown", "unavailable"] as const;
export type CanaryVerdict = (typeof CANARY_VERDICTS)[number];

/** What doctor came to. unreadable: a file with settings cannot be read. waited: --wait ran out. */
export const DOCTOR_VERDICTS = ["pass", "broken", "unknown", "unreadable", "waited"] as const;
export type DoctorVerdict = (typeof DOCTOR_VERDICTS)[number];

/** What became of a text for an agent's program. sent: nobody asked what became of it. unverifiable: it was sent, and may lie there. */
export const SEND_VERDICTS = ["sent", "accepted", "unverifiable"] as const;
export type SendVerdict = (typeof SEND_VERDICTS)[number];

/** The one place where a verdict becomes an exit code. */
export function exitOf(verdict: CanaryVerdict | DoctorVerdict | SendVerdict): ExitCode {
  return {
    pass: EXIT.ok,
    "tmux-only": EXIT.ok,
    broken: EXIT.broken,
    unknown: EXIT.unknown,
    unavailable: EXIT.unavailable,
    unreadable: EXIT.config,
    waited: EXIT.waited,
    sent: EXIT.ok,
    accepted: EXIT.ok,
    unverifiable: EXIT.unknown,
  }[verdict];
}
