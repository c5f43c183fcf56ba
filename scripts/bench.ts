// Measures, in sandboxes, what mosaic-fleet costs against the same thing done by hand with bare units: see the table
// `benchmarks`. scripts/bench calls it: `bun scripts/bench.ts [--write] [SECTION...]`.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { cgroupMode } from "../src/adapters/cgroup.ts";
import { versionsOf } from "../src/adapters/versions.ts";
import { HOLDER_UNIT } from "../src/core/names.ts";
import { pathsOf } from "../src/core/paths.ts";
import {
  bareFleet,
  emptyFleet,
  type Fleet,
  killAndWait,
  machine,
  names,
  ourFleet,
  SOCKET,
  stop,
  systemctl,
  timed,
  tmux,
  type Usage,
  unitOf,
  untilAllBack,
  usage,
} from "./bench-fleet.ts";
import { buildOptions } from "./build-options.ts";

/** What was measured for one goal: a value a round, and what they were made of. */
interface Measure {
  readonly values: readonly number[];
  readonly detail: string;
}

interface Benchmark {
  readonly section: string;
  /** What is measured, in the unit of its goal, which it should not exceed. One for each Measure, in order. */
  readonly goals: readonly { readonly what: string; readonly unit: "×" | "s" | "kB" | ""; readonly atMost?: number }[];
  readonly measure: () => Promise<Measure[]>;
}

const benchmarks: readonly Benchmark[] = [
  {
    section: "cold-start",
    goals: [{ what: "`mosaic-fleet --version` : an empty compiled Bun program", unit: "×", atMost: 1.3 }],
    measure: coldStart,
  },
  {
    section: "canary",
    goals: [
      { what: "daemon-reload, start holder, start agent, list : the same with bare units", unit: "×", atMost: 1.3 },
    ],
    measure: canary,
  },
  {
    section: "install",
    goals: [{ what: "`install` on a fresh home : mkdir, cp, chmod, daemon-reload in a shell", unit: "×", atMost: 1.5 }],
    measure: installed,
  },
  {
    section: "doctor",
    goals: [
      { what: "doctor on a fleet without agents : the slowest outside command that it runs", unit: "×", atMost: 1.5 },
      { what: "doctor with 200 agents running : the slowest outside command that it runs", unit: "×", atMost: 2 },
      { what: "`tmuxinator doctor` (three questions) : doctor with 200 agents", unit: "×" },
      { what: "`tmuxp debug-info` : doctor with 200 agents", unit: "×" },
    ],
    measure: doctor,
  },
  {
    section: "start",
    goals: [{ what: "`systemctl start` of an agent : of a oneshot `tmux new-session -d`", unit: "×", atMost: 2 }],
    measure: start,
  },
  {
    section: "cost",
    goals: [
      { what: "processes that an agent adds to its program's own", unit: "", atMost: 0 },
      {
        what: "memory that an agent adds to its program's own, its part of the tmux server included",
        unit: "kB",
        atMost: 100,
      },
    ],
    measure: cost,
  },
  {
    section: "recovery",
    goals: [{ what: "`kill -9` of the server until 50 agents are back, each in its own unit", unit: "s", atMost: 2 }],
    measure: recovery,
  },
  {
    section: "herd",
    goals: [
      {
        what: "`agent start --all` of 1,000 agents : `systemctl start` of 1,000 oneshots `tmux new-session -d`",
        unit: "×",
        atMost: 1.5,
      },
      { what: "`kill -9` of the server until 1,000 agents are back, each in its own unit", unit: "s", atMost: 20 },
    ],
    measure: herd,
  },
  {
    section: "status",
    goals: [
      {
        what: "`status` of 1,000 agents : `systemctl list-units 'mosaic-agent@*'` and `tmux list-panes -a`",
        unit: "×",
        atMost: 3,
      },
    ],
    measure: status,
  },
];

/** Rounds of what takes long. */
const ROUNDS = 7;
/** Rounds of what takes minutes. */
const HERD_ROUNDS = 2;
/** Between two measures: what one has stopped is still being cleared away, and is not the other's to pay. */
const REST_MS = 100;
const tree = join(import.meta.dir, "..");

async function coldStart(): Promise<Measure[]> {
  const folder = mkdtempSync(join(tmpdir(), "mosaic-fleet-bench-"));
  try {
    const source = join(folder, "empty.ts");
    const empty = join(folder, "empty");
    writeFileSync(source, "");
    timed([process.execPath, "build", ...buildOptions(), `--outfile=${empty}`, source]);
    return [await alternate(31, async (argv) => timed(argv), [join(tree, "dist/mosaic-fleet"), "--version"], [empty])];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function canary(): Promise<Measure[]> {
  await using ours = await ourFleet();
  await using bare = await bareFleet();
  const sequence = [
    "systemctl --user daemon-reload",
    `systemctl --user start ${HOLDER_UNIT}`,
    `systemctl --user start ${unitOf("x")}`,
    `tmux -L ${SOCKET} ls`,
  ].join(" && ");
  const run = async ({ host }: Fleet) => {
    const ms = timed(["sh", "-c", sequence], host);
    stop(host, unitOf("x"), HOLDER_UNIT);
    await machine.pause(REST_MS);
    return ms;
  };
  return [await alternate(15, run, ours, bare)];
}

async function installed(): Promise<Measure[]> {
  const assets = join(tree, "assets");
  await using fleet = await emptyFleet();
  const config = join(fleet.host.user.home, ".config");
  const [units, tools, agents] = ["systemd/user", "mosaic/tools/fleet", "mosaic/fleet/agents"].map((path) =>
    join(config, path),
  ) as [string, string, string];
  const byHand = [
    `mkdir -p ${units} ${tools} ${agents}`,
    `cp ${assets}/*.service ${units}`,
    `cp ${assets}/*.sh ${assets}/tmux.conf ${tools}`,
    `chmod +x ${tools}/*.sh`,
    "systemctl --user daemon-reload",
  ].join(" && ");
  const run = async (argv: readonly string[]) => {
    const ms = timed(argv, fleet.host);
    rmSync(config, { recursive: true });
    rmSync(join(fleet.host.user.home, ".local"), { recursive: true, force: true });
    systemctl(fleet.host, "daemon-reload");
    await machine.pause(REST_MS);
    return ms;
  };
  return [await alternate(21, run, [join(tree, "dist/mosaic-fleet"), "install"], ["sh", "-c", byHand])];
}

async function doctor(): Promise<Measure[]> {
  const agents = names(200);
  await using fleet = await ourFleet();
  const { host } = fleet;
  const argv = [join(tree, "dist/mosaic-fleet"), "doctor", "-o", "json"];
  const units = [HOLDER_UNIT, "mosaic-agent@.service"].map((unit) => join(pathsOf(host).units, unit));
  const outside = [
    ["systemctl", "--version"],
    ["tmux", "-V"],
    ["tmux", "-N", "-L", SOCKET, "list-panes", "-a"],
    ["systemd-analyze", "--user", "--man=no", "verify", ...units],
  ];
  // What it says of this machine is not what is measured: only a doctor that ran to its end, which "could not tell" is too.
  const examine = async () => timed(argv, host, [0, 1, 2]);
  const slowest = async () => {
    const took = outside.map((command) => timed(command, host));
    return Math.max(...took);
  };
  const either = (side: "doctor" | "outside") => (side === "doctor" ? examine() : slowest());
  systemctl(host, "start", HOLDER_UNIT);
  tmux(host, "new-session", "-d", "-s", "one", "sleep", "infinity"); // list-panes wants a session
  const empty = await alternate(31, either, "doctor", "outside");
  for (const name of agents)
    await host.files.writeAtomic(join(pathsOf(host).agents, `${name}.env`), "MOSAIC_AGENT_RUNTIME=sleep\n", 0o600);
  systemctl(host, "start", ...agents.map(unitOf));
  const full = await alternate(31, either, "doctor", "outside");
  const other = async (command: readonly string[]) => {
    if (Bun.which(command[0] ?? "") === null)
      return { values: [], detail: `${command[0]} is not installed: apt-get install ${command[0]}` };
    const run = async (side: readonly string[]) => timed(side, host, [0, 1, 2]);
    return alternate(9, run, command, argv);
  };
  return [empty, full, await other(["tmuxinator", "doctor"]), await other(["tmuxp", "debug-info"])];
}

async function start(): Promise<Measure[]> {
  await using ours = await ourFleet();
  await using bare = await bareFleet();
  for (const { host } of [ours, bare]) systemctl(host, "start", HOLDER_UNIT);
  const run = async ({ host }: Fleet) => {
    const ms = systemctl(host, "start", unitOf("x"));
    stop(host, unitOf("x"));
    await machine.pause(REST_MS);
    return ms;
  };
  return [await alternate(31, run, ours, bare)];
}

async function cost(): Promise<Measure[]> {
  const agents = names(50);
  await using ours = await ourFleet();
  await using bare = await bareFleet();
  const seen: { ours: Usage; bare: Usage }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    systemctl(bare.host, "start", HOLDER_UNIT);
    for (const name of agents) tmux(bare.host, "new-session", "-d", "-s", name, "sleep", "infinity");
    systemctl(ours.host, "start", HOLDER_UNIT, ...agents.map(unitOf));
    await untilAllBack(ours.host, agents, "");
    seen.push({ ours: usage(ours), bare: usage(bare) });
    stop(bare.host, HOLDER_UNIT);
    stop(ours.host, ...agents.map(unitOf), HOLDER_UNIT);
  }
  // What there would be without a fleet: the programs, and a manager that knows no agent.
  const without = ({ programs, manager }: Usage) => sum(programs) + manager;
  const parts = (side: "ours" | "bare") => {
    const part = (pick: (usage: Usage) => number) =>
      `${number(median(seen.map((round) => pick(round[side]))) / agents.length)} kB`;
    return `program ${part(({ programs }) => sum(programs))}, tmux server ${part(({ server }) => server)}, systemd ${part(({ manager }) => manager)}`;
  };
  return [
    {
      values: seen.map(({ ours }) => ours.programs.length / agents.length - 1),
      detail: "processes in 50 units that run `sleep infinity`",
    },
    {
      values: seen.map(({ ours, bare }) => (without(ours) + ours.server - without(bare)) / agents.length),
      detail: `Pss, a fiftieth of 50 agents: ${parts("ours")}; of 50 bare sessions: ${parts("bare")}`,
    },
  ];
}

async function recovery(): Promise<Measure[]> {
  const agents = names(50);
  await using fleet = await ourFleet();
  systemctl(fleet.host, "start", HOLDER_UNIT, ...agents.map(unitOf));
  const values: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) values.push(await killAndWait(fleet.host, agents));
  return [{ values, detail: "units active, new sessions, each program in its own unit" }];
}

async function herd(): Promise<Measure[]> {
  const agents = names(1000);
  const units = agents.map(unitOf);
  await using ours = await ourFleet();
  await using bare = await bareFleet();
  for (const { host } of [ours, bare]) systemctl(host, "start", HOLDER_UNIT);
  await writeSettings(ours, agents);
  const pairs: { a: number; b: number }[] = [];
  for (let round = 0; round < HERD_ROUNDS; round += 1) {
    if (round > 0) await stopHerd(ours, units);
    const a = timed([join(tree, "dist/mosaic-fleet"), "agent", "start", "--all"], ours.host);
    const b = systemctl(bare.host, "start", ...units);
    await stopHerd(bare, units);
    pairs.push({ a, b });
  }
  const values: number[] = [];
  for (let round = 0; round < HERD_ROUNDS; round += 1) values.push(await killAndWait(ours.host, agents));
  await stopHerd(ours, units);
  return [compared(pairs), { values, detail: "units active, new sessions, each program in its own unit" }];
}

async function status(): Promise<Measure[]> {
  const agents = names(1000);
  await using fleet = await ourFleet();
  const { host } = fleet;
  await writeSettings(fleet, agents);
  systemctl(host, "start", HOLDER_UNIT, ...agents.map(unitOf));
  await untilAllBack(host, agents, "");
  const run = async (side: "status" | "outside") =>
    side === "status"
      ? timed([join(tree, "dist/mosaic-fleet"), "status"], host)
      : systemctl(host, "list-units", "mosaic-agent@*") + tmux(host, "list-panes", "-a");
  const measured = await alternate(21, run, "status", "outside");
  await stopHerd(fleet, agents.map(unitOf));
  return [measured];
}

/** What is stopped is cleared away before anything else is measured. */
async function stopHerd({ host }: Fleet, units: readonly string[]): Promise<void> {
  stop(host, ...units);
  await machine.pause(REST_MS);
  machine.interrupted.throwIfAborted();
}

/** A file for each agent, which makes it one that --all means. */
async function writeSettings({ host }: Fleet, agents: readonly string[]): Promise<void> {
  const folder = pathsOf(host).agents;
  await host.files.makeFolder(folder);
  for (const name of agents) writeFileSync(join(folder, `${name}.env`), "", { mode: 0o600 });
}

// --- numbers ---

/** Measures A B A B, a first pair for nothing; the values are how many times what B took A takes. */
async function alternate<T>(rounds: number, run: (side: T) => Promise<number>, a: T, b: T): Promise<Measure> {
  const pairs: { a: number; b: number }[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    await machine.pause(0); // for a signal to be seen
    machine.interrupted.throwIfAborted();
    pairs.push({ a: await run(a), b: await run(b) });
  }
  pairs.shift();
  return compared(pairs);
}

function compared(pairs: readonly { readonly a: number; readonly b: number }[]): Measure {
  const milliseconds = (side: "a" | "b") => `${spread(pairs.map((pair) => pair[side]))} ms`;
  return { values: pairs.map((pair) => pair.a / pair.b), detail: `${milliseconds("a")} : ${milliseconds("b")}` };
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}

function number(value: number): string {
  return value.toFixed(value === 0 || Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
}

function spread(values: readonly number[]): string {
  const range = values.length > 1 ? ` (${number(Math.min(...values))}–${number(Math.max(...values))})` : "";
  return `${number(median(values))}${range}`;
}

interface Row {
  readonly what: string;
  readonly measured: string;
  readonly goal: string;
  readonly met: string;
  readonly detail: string;
}

function rowsOf({ goals }: Benchmark, measures: readonly Measure[]): Row[] {
  return goals.map(({ what, unit, atMost }, index) => {
    const { values, detail } = measures[index] ?? { values: [], detail: "" };
    const space = unit === "×" || unit === "" ? "" : " ";
    return {
      what,
      measured: values.length === 0 ? "not measured" : `${spread(values)}${space}${unit}`,
      goal: atMost === undefined ? "–" : `≤ ${atMost}${space}${unit}`,
      met: atMost === undefined ? "–" : median(values) <= atMost ? "yes" : "**no**",
      detail: `${detail}${values.length > 1 ? `, ${values.length} rounds` : ""}`,
    };
  });
}

async function description(): Promise<string> {
  const { systemd, tmux, kernel } = await versionsOf(machine);
  const [vm, container] = await Promise.all(
    ["--vm", "--container"].map(async (kind) => (await machine.exec(["systemd-detect-virt", kind])).stdout.trim()),
  );
  return [
    `${cpus().length} cores (${cpus()[0]?.model ?? "unknown"}), ${number(totalmem() / 2 ** 30)} GiB, virtual machine: ${vm}, container: ${container}`,
    `Linux ${kernel}, cgroups ${await cgroupMode(machine)}`,
    `systemd ${systemd}, tmux ${tmux}, Bun ${Bun.version}`,
    `load average when it began ${loadavg().map(number).join(" ")}`,
  ].join("; ");
}

function resultsOf(about: string, rows: readonly Row[]): string {
  const head: Row = { what: "What", measured: "Measured", goal: "Goal", met: "Met", detail: "" };
  const columns = (["what", "measured", "goal", "met"] as const).map((column) => {
    const width = Math.max(...[head, ...rows].map((row) => row[column].length));
    return { rule: "-".repeat(width), cell: (row: Row) => row[column].padEnd(width) };
  });
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    "# What it costs",
    "",
    "Measured by `scripts/bench --write`, in one run. Figures are the median (least–most); A : B is measured A B A B,",
    "and a ratio is that of each A to the B next to it.",
    "",
    `${new Date().toISOString().slice(0, 10)}, ${about}.`,
    "",
    line(columns.map(({ cell }) => cell(head))),
    line(columns.map(({ rule }) => rule)),
    ...rows.map((row) => line(columns.map(({ cell }) => cell(row)))),
    "",
    ...rows.map(({ what, detail }) => `- ${what}: ${detail}.`),
    "",
  ].join("\n");
}

// --- the run ---

const args = process.argv.slice(2);
const write = args.includes("--write");
const chosen = args.filter((arg) => arg !== "--write");
const sections = benchmarks.map(({ section }) => section);
if (chosen.some((section) => !sections.includes(section)) || (write && chosen.length > 0)) {
  console.error(`usage: scripts/bench [--write | SECTION...], with SECTION one of: ${sections.join(", ")}`);
  process.exit(64);
}

const about = await description();
console.log(about);
const rows: Row[] = [];
for (const benchmark of benchmarks) {
  if (chosen.length > 0 && !chosen.includes(benchmark.section)) continue;
  try {
    const measured = rowsOf(benchmark, await benchmark.measure());
    rows.push(...measured);
    for (const { what, measured: value, goal, met, detail } of measured)
      console.log(`${what}\n    ${value}, goal ${goal}, met: ${met.replaceAll("*", "")}; ${detail}`);
  } catch (error) {
    await machine.pause(0); // a signal may have ended the child that failed
    if (machine.interrupted.aborted) process.exit(130);
    process.exitCode = 1;
    console.error(`${benchmark.section}: could not be measured: ${error instanceof Error ? error.message : error}`);
  }
}
if (write && process.exitCode === 1) console.error("bench/RESULTS.md stays as it was");
else if (write) writeFileSync(join(tree, "bench/RESULTS.md"), resultsOf(about, rows));
