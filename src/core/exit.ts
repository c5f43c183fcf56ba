/** Every exit code of the program, named once. 64 and up are those of sysexits.h. */
export const EXIT = {
  ok: 0,
  /** Something is broken, or a promise does not hold. */
  broken: 1,
  /** It could not be told whether something is broken. */
  unknown: 2,
  usage: 64,
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
  /** Ended by Ctrl-C, as a shell would report it. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What an examination came to: of a machine by doctor, of a fleet by the canary. */
export type Verdict = "pass" | "broken" | "unknown" | "unavailable";

/** The one place where a verdict becomes an exit code. */
export function exitOf(verdict: Verdict): ExitCode {
  return { pass: EXIT.ok, broken: EXIT.broken, unknown: EXIT.unknown, unavailable: EXIT.unavailable }[verdict];
}
