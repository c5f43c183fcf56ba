// Measures, in sandboxes, what mosaic-fleet costs against the same thing done by hand with bare units: see the table
// `benchmarks`. scripts/bench calls it: `bun scripts/bench.ts [--write] [SECTION...]`.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir, totalmem } from "node:os";
import { basename, join } from "node:path";
import { cgroupMode } from "../src/adapters/cgroup.ts";
import { localHost } from "../src/adapters/local-host.ts";
import { systemdOf } from "../src/adapters/systemd.ts";
import { versionsOf } from "../src/adapters/versions.ts";
import { openSandbox } from "../src/canary/sandbox.ts";
import { succeeded } from "../src/core/exec.ts";
import type { Host } from "../src/core/host.ts";
import { until } from "../src/core/until.ts";
import { install } from "../src/install/install.ts";

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
    section: "start",
    goals: [{ what: "`systemctl start` of an agent : of a oneshot `tmux new-session -d`", unit: "×", atMost: 2 }],
    measure: start,
  },
  {
    section: "cost",
    goals: [
      { what: "processes that an agent adds to its program's own", unit: "", atMost: 0 },
      { what: "memory that an agent adds to a bare session of its program", unit: "kB", atMost: 100 },
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
      { what: "300 agents started at once", unit: "s" },
      { what: "`kill -9` of the server until 300 agents are back", unit: "s" },
    ],
    measure: herd,
  },
];

const ROUNDS = 9;
const HOLDER = "mosaic-tmux-holder.service";
const SOCKET = "mosaic-factory";
const machine = localHost();
const tree = join(import.meta.dir, "..");

async function coldStart(): Promise<Measure[]> {
  const folder = mkdtempSync(join(tmpdir(), "mosaic-fleet-bench-"));
  try {
    const options = /build (--compile\s[\s\S]*?)--outfile/.exec(readFileSync(join(tree, "scripts/build"), "utf8"))?.[1];
    if (options === undefined) throw new Error("scripts/build does not show its options any more");
    const source = join(folder, "empty.ts");
    const empty = join(folder, "empty");
    writeFileSync(source, "");
    const flags = options.split(/[\s\\]+/).filter(Boolean);
    timed([process.execPath, "build", ...flags, `--outfile=${empty}`, source]);
    const ours = [join(tree, "dist/mosaic-fleet"), "--version"];
    return [
      await alternate(
        21,
        async () => timed(ours),
        async () => timed([empty]),
      ),
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function canary(): Promise<Measure[]> {
  await using ours = await ourFleet();
  await using bare = await bareFleet();
  const sequence = [
    "systemctl --user daemon-reload",
    `systemctl --user start ${HOLDER}`,
    `systemctl --user start ${unitOf("x")}`,
    `tmux -L ${SOCKET} ls`,
  ].join(" && ");
  const run = async ({ host }: Fleet) => {
    const ms = timed(["sh", "-c", sequence], host);
    stop(host, unitOf("x"), HOLDER);
    return ms;
  };
  return [
    await alternate(
      ROUNDS,
      () => run(ours),
      () => run(bare),
    ),
  ];
}

async function start(): Promise<Measure[]> {
  await using ours = await ourFleet();
  await using bare = await bareFleet();
  for (const { host } of [ours, bare]) systemctl(host, "start", HOLDER);
  const run = async ({ host }: Fleet) => {
    const ms = systemctl(host, "start", unitOf("x"));
    stop(host, unitOf("x"));
    return ms;
  };
  return [
    await alternate(
      2 * ROUNDS,
      () => run(ours),
      () => run(bare),
    ),
  ];
}

async function cost(): Promise<Measure[]> {
  const agents = names(50);
  await using ours = await ourFleet();
  await using bare = await bareFleet();
  const processes: number[] = [];
  const memory: number[] = [];
  const parts: { ours: Usage; bare: Usage }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    systemctl(bare.host, "start", HOLDER);
    for (const name of agents) tmux(bare.host, "new-session", "-d", "-s", name, "sleep", "infinity");
    systemctl(ours.host, "start", HOLDER, ...agents.map(unitOf));
    await untilAllBack(ours.host, agents, "");
    const part = { ours: usage(ours), bare: usage(bare) };
    parts.push(part);
    processes.push((part.ours.processes - 1) / agents.length - 1);
    memory.push((part.ours.fleetKb + part.ours.managerKb - part.bare.fleetKb - part.bare.managerKb) / agents.length);
    stop(bare.host, HOLDER);
    stop(ours.host, ...agents.map(unitOf), HOLDER);
  }
  const each = (pick: (part: { ours: Usage; bare: Usage }) => number) =>
    number(median(parts.map(pick)) / agents.length);
  const detail =
    `Pss, an agent's share of 50: tmux server and every process of the units ${each(({ ours }) => ours.fleetKb)} kB, ` +
    `systemd ${each(({ ours }) => ours.managerKb)} kB; of a bare session ${each(({ bare }) => bare.fleetKb)} and ` +
    `${each(({ bare }) => bare.managerKb)} kB`;
  return [
    { values: processes, detail: "in 50 units that run `sleep infinity`" },
    { values: memory, detail },
  ];
}

async function recovery(): Promise<Measure[]> {
  const agents = names(50);
  await using fleet = await ourFleet();
  systemctl(fleet.host, "start", HOLDER, ...agents.map(unitOf));
  const values: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) values.push(await killAndWait(fleet.host, agents));
  return [{ values, detail: "units active, new sessions, each program in its own unit" }];
}

async function herd(): Promise<Measure[]> {
  const agents = names(300);
  await using fleet = await ourFleet();
  const started = performance.now();
  systemctl(fleet.host, "start", HOLDER, ...agents.map(unitOf));
  await untilAllBack(fleet.host, agents, "");
  const startSeconds = (performance.now() - started) / 1000;
  return [
    { values: [startSeconds], detail: "one `systemctl start`, once" },
    { values: [await killAndWait(fleet.host, agents)], detail: "once" },
  ];
}

// --- fleets in sandboxes ---

interface Fleet extends AsyncDisposable {
  readonly host: Host;
  /** What the cgroup of each of its processes has in its path. */
  readonly id: string;
}

async function sandboxed(prepare: (host: Host, home: string) => Promise<void>): Promise<Fleet> {
  const { host, root, close } = await openSandbox(machine);
  const dispose = async () => {
    const left = await close();
    if (left.length > 0) throw new Error(`left behind: ${left.join(", ")}`);
  };
  try {
    await prepare(host, host.user.home);
  } catch (error) {
    await dispose();
    throw error;
  }
  return { host, id: basename(root), [Symbol.asyncDispose]: dispose };
}

/** The layout as install makes it; every agent runs `sleep infinity`. */
function ourFleet(): Promise<Fleet> {
  return sandboxed(async (host, home) => {
    await install(host, { dryRun: false, enable: false, now: false, version: "bench" });
    const settings = join(home, ".config/mosaic/fleet/fleet.env");
    await host.files.writeAtomic(settings, "MOSAIC_AGENT_COMMAND=sleep infinity\n", 0o600);
  });
}

/** The least that does the same, as one would type it: units of the same names with nothing in them but the tmux call. */
function bareFleet(): Promise<Fleet> {
  return sandboxed(async (host, home) => {
    const units = join(home, ".config/systemd/user");
    await host.files.makeFolder(units);
    const files = {
      [join(home, "bare.conf")]: "set -s exit-empty off\n",
      [join(units, HOLDER)]: `[Service]\nType=forking\nExecStart=tmux -L ${SOCKET} -f %h/bare.conf start-server\n`,
      [join(units, "mosaic-agent@.service")]:
        `[Service]\nType=oneshot\nRemainAfterExit=yes\n` +
        `ExecStart=tmux -L ${SOCKET} new-session -d -s %i sleep infinity\n` +
        `ExecStop=tmux -L ${SOCKET} kill-session -t =%i\n`,
    };
    for (const [path, text] of Object.entries(files)) await host.files.writeAtomic(path, text, 0o644);
    systemctl(host, "daemon-reload");
  });
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `bench-${index + 1}`);
}

function unitOf(name: string): string {
  return `mosaic-agent@${name}.service`;
}

/** Milliseconds that a program took. Throws when it failed. */
function timed(argv: readonly string[], { env }: Pick<Host, "env"> = machine): number {
  machine.interrupted.throwIfAborted();
  const before = performance.now();
  const child = Bun.spawnSync([...argv], { env, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const ms = performance.now() - before;
  if (child.exitCode !== 0)
    throw new Error(`${argv.join(" ").slice(0, 200)} failed: ${child.stderr.toString().trim()}`);
  return ms;
}

function systemctl(host: Host, ...args: string[]): number {
  return timed(["systemctl", "--user", ...args], host);
}

function tmux(host: Host, ...args: string[]): number {
  return timed(["tmux", "-u", "-N", "-L", SOCKET, ...args], host);
}

/** Stops units, and forgets how often they were started: the next round has its starts to itself. */
function stop(host: Host, ...units: string[]): void {
  systemctl(host, "stop", ...units);
  systemctl(host, "reset-failed");
}

/** Seconds from the end of the tmux server to the last agent's return. */
async function killAndWait(host: Host, agents: readonly string[]): Promise<number> {
  systemctl(host, "reset-failed");
  const [holder] = await systemdOf(host).show([HOLDER]);
  if (holder === undefined || holder.mainPid === 0) throw new Error("the holder has no server to kill");
  const killed = performance.now();
  process.kill(holder.mainPid, "SIGKILL");
  await untilAllBack(host, agents, String(holder.mainPid));
  return (performance.now() - killed) / 1000;
}

/** Resolves when a server other than `old` has a live session for each agent, its program in its unit, its unit active. */
async function untilAllBack(host: Host, agents: readonly string[], old: string): Promise<void> {
  const format = "#{pid} #{session_name} #{pane_pid} #{pane_dead}";
  let missing = "any session";
  const back = await until(host, 120_000, async () => {
    machine.interrupted.throwIfAborted();
    const result = await host.exec(["tmux", "-u", "-N", "-L", SOCKET, "list-panes", "-a", "-F", format]);
    if (!succeeded(result)) return undefined;
    const panes = new Map<string, string>();
    for (const line of result.stdout.trim().split("\n")) {
      const [server, session = "", pid = "", dead] = line.split(" ");
      if (server !== old && dead === "0") panes.set(session, pid);
    }
    const absent = agents.find((name) => !inUnit(panes.get(name), name));
    if (absent !== undefined) {
      missing = `${absent} in its unit`;
      return undefined;
    }
    const units = await systemdOf(host).list("mosaic-agent@*");
    const active = new Set(units.filter((unit) => unit.active === "active").map(({ unit }) => unit));
    missing = agents.find((name) => !active.has(unitOf(name))) ?? "";
    return missing === "" || undefined;
  });
  if (back === undefined) throw new Error(`not all of ${agents.length} agents came within two minutes: no ${missing}`);
}

function inUnit(pid: string | undefined, name: string): boolean {
  return pid !== undefined && (read(`/proc/${pid}/cgroup`)?.includes(`/${unitOf(name)}\n`) ?? false);
}

interface Usage {
  /** Those of the units: the tmux server, and what the agents are. */
  readonly processes: number;
  /** Proportional set size of these, in kB. */
  readonly fleetKb: number;
  /** The same of the user manager itself. */
  readonly managerKb: number;
}

function usage({ id }: Fleet): Usage {
  let [processes, fleetKb, managerKb] = [0, 0, 0];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const groups = read(`/proc/${pid}/cgroup`);
    if (!groups?.includes(`/${id}`)) continue;
    const kb = Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`) ?? "")?.[1] ?? 0);
    if (/\/(mosaic-|tmux-spawn-)[^/]*\.(service|scope)/.test(groups)) {
      processes += 1;
      fleetKb += kb;
    } else if (read(`/proc/${pid}/comm`) === "systemd\n") managerKb += kb;
  }
  return { processes, fleetKb, managerKb };
}

/** The text of a file of the kernel's; undefined when its process is gone. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

// --- numbers ---

/** Measures one after the other, A B A B, a first pair for nothing; the values are how many times `theirs` each `ours` is. */
async function alternate(rounds: number, ours: () => Promise<number>, theirs: () => Promise<number>): Promise<Measure> {
  const pairs: { ours: number; theirs: number }[] = [];
  for (let round = 0; round <= rounds; round += 1) pairs.push({ ours: await ours(), theirs: await theirs() });
  pairs.shift();
  const detail = (times: number[]) => `${spread(times)} ms`;
  return {
    values: pairs.map((pair) => pair.ours / pair.theirs),
    detail: `${detail(pairs.map((pair) => pair.ours))} : ${detail(pairs.map((pair) => pair.theirs))}`,
  };
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
      measured: `${spread(values)}${space}${unit}`,
      goal: atMost === undefined ? "–" : `≤ ${atMost}${space}${unit}`,
      met: atMost === undefined ? "–" : median(values) <= atMost ? "yes" : "**no**",
      detail: `${detail}${values.length > 1 ? `, ${values.length} rounds` : ""}`,
    };
  });
}

async function description(): Promise<string> {
  const { systemd, tmux, kernel } = await versionsOf(machine);
  const virtual = (await machine.exec(["systemd-detect-virt"])).stdout.trim();
  return [
    `${cpus().length} cores (${cpus()[0]?.model ?? "unknown"}), ${number(totalmem() / 2 ** 30)} GiB, virtualised: ${virtual}`,
    `Linux ${kernel}, cgroups ${await cgroupMode(machine)}`,
    `systemd ${systemd}, tmux ${tmux}, Bun ${Bun.version}`,
    `load average when it began ${loadavg().map(number).join(" ")}`,
  ].join("; ");
}

function resultsOf(about: string, rows: readonly Row[]): string {
  const line = (...cells: string[]) => `| ${cells.join(" | ")} |`;
  return [
    "# What it costs",
    "",
    "Measured by `scripts/bench --write`, in one run. A : B is measured A B A B; figures are the median (least–most).",
    "",
    `${new Date().toISOString().slice(0, 10)}, ${about}.`,
    "",
    line("What", "Measured", "Goal", "Met", "From"),
    line(...Array<string>(5).fill("---")),
    ...rows.map(({ what, measured, goal, met, detail }) => line(what, measured, goal, met, detail)),
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
    if (machine.interrupted.aborted) process.exit(130);
    process.exitCode = 1;
    console.error(`${benchmark.section}: could not be measured: ${error instanceof Error ? error.message : error}`);
  }
}
if (write && process.exitCode !== 1) writeFileSync(join(tree, "bench/RESULTS.md"), resultsOf(about, rows));
