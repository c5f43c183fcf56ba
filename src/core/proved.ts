/** A Debian on which a fleet has been proved, and what it has. */
export interface Proved {
  readonly debian: string;
  readonly systemd: number;
  readonly tmux: string;
}

/**
 * The supported range, oldest first: what `scripts/machines` has gone through, which sees to it that a machine has these very
 * versions. README names the same.
 */
export const PROVED = {
  bookworm: { debian: "Debian 12", systemd: 252, tmux: "3.3a" },
  trixie: { debian: "Debian 13", systemd: 257, tmux: "3.5a" },
  sid: { debian: "Debian sid", systemd: 262, tmux: "3.8" },
} as const satisfies Readonly<Record<string, Proved>>;

/** What proves it for a version that is not among them. */
export const PROVE_HERE = "mosaic-fleet canary --sandbox   # proves it with this one";
