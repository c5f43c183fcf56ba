import type { Host } from "../core/host.ts";
import { redactorFor } from "../core/redact.ts";
import { redacted } from "../core/redacted.ts";
import { type Scene, secretsOf } from "./scene.ts";

/** What keeps secrets out of all that a run shows, in whatever format: the caller's, the user's and those of its own agents. */
export interface Privacy {
  /** Learns what must not be shown of a fleet: what its files, units, manager and server have. Throws what keeps it from that. */
  learn(scene: Scene): Promise<void>;
  /** The same value with all that is known, and what looks like a secret, hidden; the caller's home folder is ~. */
  hide<T>(value: T): T;
}

export function privacyOf(host: Pick<Host, "env" | "user">): Privacy {
  const redactor = redactorFor(host.user.home);
  redactor.learn(host.env);
  return {
    async learn(scene) {
      for (const variables of await secretsOf(scene)) redactor.learn(variables);
    },
    hide: (value) => redacted(redactor.redact, value),
  };
}
