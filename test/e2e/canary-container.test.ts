import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { halfSteps } from "../../src/canary/half/steps/index.ts";
import { type CanaryReport, canaryReportSchema } from "../../src/canary/schema.ts";
import { binary, temporaryFolder } from "../support/build.ts";
import { type Container, openContainer } from "../support/container.ts";
import { rootOf, whyNot } from "../support/machine-root.ts";

// Containers that were not booted with systemd, each with something less: what the canary says there, and what is left
// to be tried.

const reason = whyNot();
if (reason !== undefined) console.error(`containers are skipped: ${reason}`);

interface Place {
  readonly what: string;
  /** Done first, in the container that the canary runs in. */
  readonly before?: string;
  readonly options?: readonly string[];
  /** Why a sandbox is not to be had, and what is typed about it. */
  readonly why: RegExp;
  readonly next: RegExp;
}

const places: readonly Place[] = [
  {
    what: "an unprivileged user",
    options: ["--user=ada"],
    why: /only root can make it look so/,
    next: /^sudo \/release\/mosaic-fleet canary --sandbox$/,
  },
  {
    what: "root without privileges",
    options: ["--drop-capability=all"],
    why: /private mount namespace is not allowed/,
    next: /--privileged/,
  },
  {
    what: "a read-only cgroup tree",
    before: "mount -o bind,remount,ro /sys/fs/cgroup",
    why: /cgroup tree cannot be written .*read-only/,
    next: /--privileged, or with a writable \/sys\/fs\/cgroup/,
  },
  {
    what: "no cgroup tree at all",
    before: "umount --recursive /sys/fs/cgroup",
    why: /no cgroup hierarchy is mounted/,
    next: /--privileged/,
  },
  {
    what: "no systemd",
    before: "rm -rf /usr/lib/systemd /usr/bin/systemctl /usr/bin/systemd-* /usr/bin/journalctl",
    why: /systemd is not installed/,
    next: /^apt-get install systemd$/,
  },
];

describe.skipIf(reason !== undefined)("in a container", () => {
  let container: Container;
  let shared: ReturnType<typeof temporaryFolder>;
  beforeAll(() => {
    shared = temporaryFolder();
    copyFileSync(binary, join(shared.path, "mosaic-fleet"));
    container = openContainer(rootOf("bookworm"), shared.path);
  });
  afterAll(() => {
    container[Symbol.dispose]();
    shared[Symbol.dispose]();
  });

  function canary({ before = "true", options = [] }: Partial<Place>, ...words: string[]) {
    const script = `${before} && exec /release/mosaic-fleet canary ${words.join(" ")}`;
    const { code, stdout } = container.run(["sh", "-c", script], ...options);
    return { code, stdout };
  }
  function report(place: Partial<Place>, ...words: string[]): { code: number | null; report: CanaryReport } {
    const { code, stdout } = canary(place, ...words, "-o", "json");
    return { code, report: canaryReportSchema.parse(JSON.parse(stdout)) };
  }
  const left = () => container.run(["sh", "-c", "ls -d /dev/shm/mosaic-* /tmp/mosaic-* 2>/dev/null"]).stdout;

  test("with all that it takes the whole is proved, in a sandbox", () => {
    const { code, report: whole } = report({}, "--sandbox", "--only", "agent-death");
    expect(whole).toMatchObject({ verdict: "pass", level: "fleet" });
    expect(code).toBe(0);
  });

  test("the installed fleet cannot be tried: 69, with what can", () => {
    const { code, report: none } = report({});
    expect(none.verdict).toBe("unavailable");
    expect(none.problem?.why).toContain("was not booted with systemd");
    expect(none.problem?.next[0]).toBe("mosaic-fleet canary --sandbox");
    expect(none.problem?.next[1]).toStartWith("mosaic-fleet canary --level tmux ");
    expect(code).toBe(69);
  });

  // The last one takes systemd away for good.
  for (const place of places) {
    test(`${place.what}: 69, what is missing, what to type; and the tmux half holds, which is no pass`, () => {
      const refused = report(place, "--sandbox");
      expect(refused.report).toMatchObject({ verdict: "unavailable", level: "fleet", steps: [] });
      expect(refused.code).toBe(69);
      expect(refused.report.problem?.why).toMatch(place.why);
      const [first, last] = [refused.report.problem?.next[0], refused.report.problem?.next.at(-1)];
      expect(first).toMatch(place.next);
      expect(last).toStartWith("mosaic-fleet canary --level tmux ");

      const half = report(place, "--level", "tmux");
      expect(half.report.steps.map(({ id, status, message }) => [id, status, message])).toEqual(
        halfSteps.map(({ id }) => [id, "pass", undefined]),
      );
      expect(half.report).toMatchObject({ verdict: "tmux-only", level: "tmux" });
      expect(half.code).toBe(0);
      expect(left()).toBe("");
    });
  }

  test("a person is told that the half is no pass of the whole, in the first line and in the verdict", () => {
    const { stdout } = canary({ options: ["--user=ada"] }, "--level", "tmux");
    expect(stdout).toMatch(/^mosaic-fleet \S+ canary, the tmux half alone: no units, no limits, no restarts\n/);
    expect(stdout.replace(/\s+/g, " ")).toContain(
      "the tmux half holds; units, limits and restarts were not tried: no pass of the whole",
    );
    expect(stdout).not.toMatch(/^holds/m);
  });

  for (const [what, before, why, next] of [
    ["pseudo-terminals", "umount -l /dev/pts", /no pseudo-terminals/, "mount -t devpts devpts /dev/pts"],
    [
      "a folder for a socket",
      "mount -o remount,ro /dev/shm && mount -o remount,ro /tmp",
      /no folder for a socket can be written/,
      "export TMPDIR=/a/short/folder",
    ],
    // For good: it comes last.
    ["tmux", "rm -f /usr/bin/tmux", /tmux is not installed/, "apt-get install tmux"],
  ] as const) {
    test(`without ${what} there is no half either: 69`, () => {
      const { code, report: none } = report({ before }, "--level", "tmux");
      expect(none.problem?.why).toMatch(why);
      expect(none.problem?.next).toEqual([next]);
      expect(none).toMatchObject({ verdict: "unavailable", steps: [] });
      expect(code).toBe(69);
    });
  }
});
