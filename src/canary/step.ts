import type { Procfs } from "../adapters/procfs.ts";
import type { Systemd } from "../adapters/systemd.ts";
import type { Tmux } from "../adapters/tmux.ts";
import type { Host } from "../core/host.ts";

/** What was seen, for a person who has to find out why: short names, plain values. */
export type Evidence = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** A promise that does not hold. Anything else that is thrown means that it could not be told. */
export class BrokenPromise extends Error {
  constructor(
    message: string,
    readonly evidence: Evidence = {},
  ) {
    super(message);
  }
}

/** Says that a promise is broken unless `holds`. */
export function expect(holds: boolean, message: string, evidence: Evidence = {}): asserts holds {
  if (!holds) throw new BrokenPromise(message, evidence);
}

/** A throwaway agent of one canary run. */
export interface CanaryAgent {
  readonly name: string;
  readonly unit: string;
  readonly workdir: string;
  /** Variables that its environment file holds, one of them secret. */
  readonly variables: Readonly<Record<string, string>>;
}

/** What the steps work on. */
export interface Fleet {
  /** The host of the fleet under test: the sandbox's, or the user's own. */
  readonly host: Host;
  readonly sandboxed: boolean;
  readonly version: string;
  readonly systemd: Systemd;
  /** The name of the fleet's socket. */
  readonly socket: string;
  /** The fleet's tmux server. */
  readonly tmux: Tmux;
  readonly procfs: Procfs;
  readonly first: CanaryAgent;
  /** Its name has the first one's as its prefix. */
  readonly second: CanaryAgent;
  /** Known only to the canary's agents; must be in no process's arguments. */
  readonly secret: string;
  /** The user's default tmux server as it was before the run; undefined when there is none. */
  readonly defaultServer: { look(): Promise<string | undefined>; readonly before: string | undefined };
  /** Agents that are not the canary's and not stopped, and sessions that are not: by name. */
  others(): Promise<string[]>;
}

/** One promise and how it is tried. */
export interface Step {
  readonly id: string;
  /** The promise, as a sentence that is true when the step passes. */
  readonly title: string;
  /** Milliseconds; a promise that takes longer is not kept. */
  readonly limitMs: number;
  /** Steps that must have passed, else this one is blocked by them. */
  readonly requires: readonly string[];
  /** The step would disturb agents that are not the canary's: left out, with that reason, when there are any. */
  readonly disturbsOthers?: true;
  run(fleet: Fleet): Promise<Evidence>;
}
