import { join } from "node:path";
import type { Part } from "./step.ts";

/** What an agent is given on top of what all canary agents have. */
export interface Needs {
  /** Its settings, which may name what is in its folder. */
  settings?(folder: string): Readonly<Record<string, string>>;
  /** Lines of its drop-in, in [Service]. */
  readonly unit?: readonly string[];
  /** A script in its folder, as CANARY_PROGRAM. */
  readonly program?: string;
}

/** Below an agent's folder. */
export const CANARY_PROGRAM = "bin/mosaic-canary-program";

/** Text that shells, systemd, tmux and C programs each like to change. */
export const DIFFICULT = `it's "100%" #{pid} $HOME \\ ;&| é漢 #(date)`;

/** The exit status of the agent that is broken. */
export const BROKEN_STATUS = 3;
/** How long the graceful agent takes to end once it has its signal, in milliseconds; its stop waits 5 s. */
export const GRACEFUL_MS = 400;
/** Bytes: the limit of the one that eats memory, and of its neighbour, which does not. */
export const HOG_LIMIT = 48 * 2 ** 20;
export const NEIGHBOUR_LIMIT = 256 * 2 ** 20;
/** Where no limit reaches it the hog stops by itself, before the machine feels it. */
const HOG_EATS = 4 * HOG_LIMIT;

/** The delay between two starts does not grow; with a longest one left in place systemd would take that for RestartSec=. */
const SAME_DELAY = ["RestartSteps=0", "RestartMaxDelaySec=infinity"];

/**
 * Ends as asked, but not at once: leaves a file when it is ready to be asked, with the pid of a child that does not end with the terminal,
 * and one when it is done.
 */
const GRACEFUL = `#!/bin/sh
(trap '' HUP; exec sleep infinity) &
trap 'sleep ${GRACEFUL_MS / 1000}; echo done >"$0.done"; exit 0' TERM
echo $! >"$0.ready"
while :; do
	sleep 1 &
	wait $!
done
`;

export const NEEDS: Readonly<Record<Part, Needs>> = {
  caller: {},
  path: {
    program: "#!/bin/sh\nexec sleep infinity\n",
    settings: (folder) => ({ MOSAIC_PATH: join(folder, "bin"), MOSAIC_AGENT_COMMAND: "mosaic-canary-program" }),
  },
  // Ten tries in a row: only the delay between them is shorter than an agent's, and does not grow.
  broken: {
    unit: ["RestartSec=20ms", ...SAME_DELAY],
    settings: () => ({ MOSAIC_AGENT_COMMAND: `exit ${BROKEN_STATUS}` }),
  },
  graceful: {
    program: GRACEFUL,
    settings: (folder) => ({
      MOSAIC_AGENT_COMMAND: `exec sh '${join(folder, CANARY_PROGRAM)}'`,
      MOSAIC_AGENT_STOP_SECONDS: "5",
    }),
  },
  // tail keeps all of a line in memory. Once is enough: it is not to come back within the run.
  hog: {
    unit: [`MemoryMax=${HOG_LIMIT}`, "MemorySwapMax=0", "RestartSec=10min", ...SAME_DELAY],
    settings: () => ({ MOSAIC_AGENT_COMMAND: `head -c ${HOG_EATS} /dev/zero | tail -n 1` }),
  },
  neighbour: { unit: [`MemoryMax=${NEIGHBOUR_LIMIT}`] },
};
