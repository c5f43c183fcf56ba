import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { binary, run } from "../support/build.ts";
import { openFleet, type TestFleet } from "../support/fleet.ts";
import { treeOf } from "../support/tree.ts";

/** Every system call by which a program changes a file system, sends a signal, or serves a socket. Those with ? are not on every machine. */
const CHANGING = [
  ..."openat openat2 ?open ?creat".split(" "),
  ..."mkdirat ?mkdir unlinkat ?unlink ?rmdir renameat renameat2 ?rename linkat ?link symlinkat ?symlink".split(" "),
  ..."mknodat ?mknod fchmod fchmodat ?fchmodat2 ?chmod fchown fchownat ?chown ?lchown".split(" "),
  ..."utimensat ?futimesat ?utime ?utimes truncate ftruncate fallocate".split(" "),
  ..."setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr".split(" "),
  ..."mount umount2 pivot_root move_mount kill tkill tgkill rt_sigqueueinfo pidfd_send_signal bind".split(" "),
];

/** A system call of a run that changed something, as strace prints it. */
interface Change {
  readonly program: string;
  readonly call: string;
}

let fleet: TestFleet;
let scratch: string;
beforeAll(async () => {
  fleet = await openFleet();
  scratch = mkdtempSync(join(tmpdir(), "mosaic-fleet-trace-"));
});
afterAll(async () => {
  rmSync(scratch, { recursive: true, force: true });
  await fleet.close();
});

/** What a program and all its children changed. A call that failed changed nothing. */
function changesOf(argv: readonly string[]): Change[] {
  const folder = mkdtempSync(join(scratch, "run-"));
  const strace = [
    "strace",
    "-ff",
    "-qq",
    "-s",
    "200",
    "-e",
    `trace=execve,${CHANGING.join(",")}`,
    "-o",
    join(folder, "t"),
  ];
  const traced = run([...strace, ...argv], { cwd: fleet.host.user.home, env: fleet.host.env, timeoutMs: 60_000 });
  expect(traced.stderr).toBe("");
  expect(traced.code).not.toBeNull();
  return readdirSync(folder).flatMap((name) => {
    const lines = readFileSync(join(folder, name), "utf8").split("\n");
    let program = "";
    return lines.flatMap((call): Change[] => {
      const executed = /^execve\("([^"]*)".* = 0$/.exec(call)?.[1];
      if (executed !== undefined) program = executed;
      return executed === undefined && isChange(call) ? [{ program, call }] : [];
    });
  });
}

function isChange(call: string): boolean {
  const [, name = "", args = "", result = ""] = /^(\w+)\((.*)\)\s+= (-?\w+)/.exec(call) ?? [];
  if (name === "" || name === "execve" || result === "-1") return false;
  if (/kill$|send_signal|sigqueue/.test(name)) return !/, 0\b/.test(args);
  if (!name.startsWith("open")) return true;
  if (/"\/dev\/(null|tty|pts\/\d+)"/.test(args)) return false;
  return /O_(WRONLY|RDWR|CREAT|TRUNC|APPEND|TMPFILE)/.test(args);
}

/** systemd-analyze verify makes two folders of its own in /tmp, wherever TMPDIR points, and removes them. */
const SCRATCH_OF_VERIFY = /^(mkdir|rmdir)\("\/tmp\/systemd-(analyze|temporary)-\w{6}"/;

/** What outside of the program is not to be touched, either. */
async function surroundings() {
  const { home, runtime } = { home: fleet.host.user.home, runtime: fleet.paths.runtime ?? "" };
  const volatile = (path: string) => /^systemd\/(units|inaccessible|generator)/.test(path);
  const [units, jobs] = await Promise.all([
    fleet.systemctl("list-units", "--all", "--plain", "--no-legend"),
    fleet.systemctl("list-jobs", "--no-legend"),
  ]);
  return { home: treeOf(home), runtime: treeOf(runtime, volatile), units: units.stdout, jobs: jobs.stdout };
}

describe("doctor only looks", () => {
  test("the trace shows what a program changes: a control", () => {
    const path = join(scratch, "control");
    const script = `: >'${path}'; chmod 600 '${path}'; mkdir '${path}.d'; mv '${path}' '${path}.d/x'; kill -CONT $$; cat '${path}' 2>/dev/null`;
    const calls = changesOf(["sh", "-c", script]).map(({ call }) => call.slice(0, call.indexOf("(")));
    expect(new Set(calls)).toEqual(new Set(["openat", "fchmodat", "mkdir", "renameat2", "kill"]));
  });

  for (const [state, prepare] of [
    ["on a layout where nothing runs", async () => undefined],
    [
      "with a running fleet, an agent that is wrong, and a drop-in",
      async () => {
        await fleet.agent("coder", { MOSAIC_AGENT_COMMAND: "sleep infinity" });
        await fleet.agent("lost", { MOSAIC_AGENT_RUNTIME: "no-such-program", MOSAIC_AGENT_WORKDIR: "/nonexistent" });
        await fleet.dropIn("mosaic-agent@.service", "[Service]\nOOMPolicy=stop\n");
        writeFileSync(join(fleet.paths.site, "tmux.local.conf"), "set -g mouse on\nset -g status-left x\n");
        await fleet.systemctl("start", "mosaic-agent@coder.service");
        await fleet.up("coder");
      },
    ],
  ] as const) {
    for (const words of [[], ["--pre"], ["-o", "junit"], ["-v", "--skip", "units.verify"]]) {
      test(`${state}: ${["doctor", ...words].join(" ")}`, async () => {
        await prepare();
        const before = await surroundings();
        const changes = changesOf([binary, "doctor", ...words]);
        const { true: ofVerify = [], false: ours = [] } = Object.groupBy(changes, ({ program, call }) =>
          String(program.endsWith("/systemd-analyze") && SCRATCH_OF_VERIFY.test(call)),
        );
        expect(ours).toEqual([]);
        expect(ofVerify.filter(({ call }) => call.startsWith("mkdir"))).toHaveLength(ofVerify.length / 2);
        if (words.includes("units.verify")) expect(ofVerify).toEqual([]);
        expect(await surroundings()).toEqual(before);
      });
    }
  }

  test("without a user manager it does not make what one would have made", () => {
    const runtime = join(scratch, "runtime");
    mkdirSync(runtime, { mode: 0o700 });
    const changes = changesOf(["env", "-u", "TMUX_TMPDIR", `XDG_RUNTIME_DIR=${runtime}`, binary, "doctor"]);
    expect(changes).toEqual([]);
    expect(readdirSync(runtime)).toEqual([]);
    expect(existsSync(join(runtime, "systemd"))).toBe(false);
  });
});
