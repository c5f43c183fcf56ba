import type { Run } from "./build.ts";
import type { Machine } from "./machine.ts";

/** What doctor has to say of one of its checks. */
export interface Found {
  readonly id: string;
  readonly status: string;
  readonly message: string;
  readonly fix: { readonly commands: readonly string[]; readonly root: readonly string[] };
}

/** The user's mosaic-fleet on a machine, typed at a login. */
export function fleetOn(machine: Machine) {
  const run = (words: string): Run => machine.login(`PATH=$HOME/.local/bin:"$PATH" mosaic-fleet ${words}`);
  return {
    run,
    check(id: string): Found {
      const { checks } = JSON.parse(run(`doctor -o json --only ${id}`).stdout) as { checks: Found[] };
      const found = checks.find((each) => each.id === id);
      if (found === undefined) throw new Error(`doctor has no check ${id}`);
      return found;
    },
  };
}
