import type { ChaosOptions } from "../canary/chaos/chaos.ts";
import type { Level } from "../canary/report.ts";
import { stepsOf } from "../canary/run.ts";
import { didYouMean } from "../core/did-you-mean.ts";
import { UsageError } from "./command.ts";
import { durationMs } from "./duration.ts";

/** The options of --chaos; undefined without it. Throws UsageError. */
export function chaosOf(args: {
  readonly chaos?: boolean | undefined;
  readonly for?: string | undefined;
  readonly seed?: string | undefined;
  readonly level: string;
  readonly only?: unknown;
  readonly repeat: string;
}): ChaosOptions | undefined {
  if (!args.chaos) {
    if (args.for !== undefined || args.seed !== undefined) throw new UsageError("--for and --seed go with --chaos");
    return undefined;
  }
  if (args.level !== "fleet") throw new UsageError("--chaos takes units: it does not go with --level tmux");
  if (args.only !== undefined || args.repeat !== "1")
    throw new UsageError("--chaos is no sequence: --only and --repeat do not go with it");
  const forMs = durationMs(args.for ?? "1m");
  if (forMs === undefined)
    throw new UsageError(`--for is a time such as 30s, 10m or 2h, a day at most, not "${args.for}"`);
  const seed =
    args.seed === undefined ? (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) % 1_000_000 : Number(args.seed);
  if (args.seed !== undefined && !(/^\d{1,10}$/.test(args.seed) && seed < 2 ** 32))
    throw new UsageError(`--seed is a whole number below 4294967296, not "${args.seed}"`);
  return { seed, forMs };
}

/** What goes with what tries nothing; -o goes with all but --schema. */
const GOES_WITH = { schema: ["list"], list: ["output", "level"], from: ["output"] } as const;

/** An option that would be ignored is no option. */
export function refuseStrangers(spec: Readonly<Record<string, object>>, args: Readonly<Record<string, unknown>>): void {
  const given = Object.entries(spec).flatMap(([name, arg]) =>
    args[name] === undefined || args[name] === false || args[name] === ("default" in arg ? arg.default : undefined)
      ? []
      : [name],
  );
  const mode = (["schema", "from", "list"] as const).find((name) => given.includes(name));
  if (mode !== undefined) {
    const fits: readonly string[] = [mode, ...GOES_WITH[mode]];
    const strange = given.find((name) => !fits.includes(name));
    if (strange !== undefined) throw new UsageError(`--${mode} and --${strange} do not go together`);
  }
}

/** The names as they are, when each is a step's. */
export function known(level: Level, names: readonly string[] | undefined): readonly string[] | undefined {
  const all = stepsOf(level).map(({ id }) => id);
  for (const name of names ?? [])
    if (!all.includes(name))
      throw new UsageError(
        `no step ${name}${didYouMean(name, all)}; canary ${level === "fleet" ? "" : `--level ${level} `}--list shows them all`,
      );
  return names;
}
