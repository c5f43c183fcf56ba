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

/** One that was not kept in its time: which says nothing where the machine is slow. */
export class Late extends BrokenPromise {}

/** A promise that cannot be tried here, for a reason that is no fault. */
export class Untried extends Error {}

/** Says that a promise is broken unless `holds`. */
export function expect(holds: boolean, message: string, evidence: Evidence = {}): asserts holds {
  if (!holds) throw new BrokenPromise(message, evidence);
}

/** The same of something that was waited for. */
export function expectInTime(holds: boolean, message: string, evidence: Evidence = {}): asserts holds {
  if (!holds) throw new Late(message, evidence);
}

/** A throwaway agent of one canary run, where there are no units. */
export interface ThrowawayAgent {
  readonly name: string;
  /** Its files: of this run, and of nobody else. */
  readonly folder: string;
  readonly workdir: string;
  /** Variables that its environment file holds, one of them secret. */
  readonly variables: Readonly<Record<string, string>>;
}

/** One with a unit of its own. */
export interface CanaryAgent extends ThrowawayAgent {
  readonly unit: string;
}

/** Agents that one step each has for itself, by what they are there for. */
export const PARTS = ["caller", "path", "broken", "graceful", "hog", "neighbour"] as const;
export type Part = (typeof PARTS)[number];

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
  readonly own: Readonly<Record<Part, CanaryAgent>>;
  /** Known only to the canary's agents; must be in no process's arguments. */
  readonly secret: string;
  /** The user's default tmux server as it was before the run; undefined when there is none. */
  readonly defaultServer: DefaultServer;
  /** Agents that are not the canary's and not stopped, and sessions that are not: by name. */
  others(): Promise<string[]>;
}

/** One line about the user's default tmux server, which is only ever asked. */
export interface DefaultServer {
  look(): Promise<string | undefined>;
  readonly before: string | undefined;
}

/** One promise and how it is tried, on a whole fleet unless told. */
export interface Step<T = Fleet> {
  readonly id: string;
  /** The promise, as a sentence that is true when the step passes. */
  readonly title: string;
  /** Milliseconds; a promise that takes longer is not kept. */
  readonly limitMs: number;
  /** Steps that must have passed, else this one is blocked by them. */
  readonly requires: readonly string[];
  /** It has agents of its own, or only looks: it runs beside the steps that come after it. */
  readonly beside?: true;
  /** It judges what all steps before it have done: none of them runs any more. */
  readonly last?: true;
  /**
   * The step would disturb agents that are not the canary's: left out, with that reason, when there are any. Nor does
   * it run beside another.
   */
  readonly disturbsOthers?: true;
  /** Throws BrokenPromise, or Untried. */
  run(subject: T): Promise<Evidence>;
}
