import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { networkInterfaces } from "node:os";
import type { Run } from "./build.ts";
import type { Machine } from "./machine.ts";
import { bootMachine } from "./machine-container.ts";
import { bootKernel } from "./machine-kernel.ts";
import { kernelRoot, rootOf, type Suite } from "./machine-root.ts";
import { type MachineKind, machineSuites } from "./machine-suites.ts";

interface Fix {
  readonly commands: readonly string[];
  readonly root: readonly string[];
}

/** What doctor has to say of one of its checks. */
export interface Found {
  readonly id: string;
  readonly status: string;
  readonly message: string;
  readonly fix: Fix;
  readonly subjects: readonly { readonly fix: Fix }[];
}

/** A machine of one Debian, booted before the first test of its story and gone after the last. */
export interface Story {
  readonly suite: Suite;
  readonly machine: Machine;
  /** The user's mosaic-fleet, typed at a login. */
  fleet(words: string): Run;
  /** The same for what only looks, without the login. */
  look(words: string): Run;
  /** What doctor says at a login of one of its checks; throws where it has none of that id. */
  check(id: string): Found;
}

/** A suite is to run in under ten minutes, its roots made anew included, and has two stories at most. */
const STORY_LIMIT_MS = 300_000;

/**
 * Describes the story of each Debian that is to be booted: `tests`, in order, on a machine of that kind, which has what `share`
 * puts into its /release. `also` gets for each what only the network has.
 */
export function story(
  title: string,
  kind: MachineKind,
  { share, also }: { share(folder: string, suite: Suite): void; also?(suite: Suite): unknown },
  tests: (story: Story) => void,
): void {
  const { suites, readyMs, skip } = machineSuites(kind, also);
  describe.skipIf(skip).each(suites)(title, (suite) => {
    let begun = 0;
    let shared: string | undefined;
    let booted: Machine | undefined;
    const machine = new Proxy({} as Machine, { get: (_, name) => Reflect.get(booted as Machine, name) });
    beforeAll(() => {
      begun = performance.now() - (readyMs.get(suite) ?? 0);
      shared = mkdtempSync("/tmp/mosaic-fleet-machine-shared-");
      chmodSync(shared, 0o755);
      share(shared, suite);
      const root = rootOf(suite);
      booted = kind === "container" ? bootMachine(root, shared) : bootKernel(kernelRoot(), root, shared);
    }, 120_000);
    afterAll(() => {
      booted?.close();
      if (shared !== undefined) rmSync(shared, { recursive: true, force: true });
      expect(performance.now() - begun).toBeLessThan(STORY_LIMIT_MS);
    });

    test("it reaches no network but its own loopback", async () => {
      const server = Bun.serve({ port: 0, hostname: "0.0.0.0", fetch: () => new Response("from outside") });
      try {
        const outside = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
        const addresses = outside.filter(({ family }) => family === "IPv4").map(({ address }) => address);
        for (const address of addresses) {
          const url = `http://${address}:${server.port}/`;
          expect(await (await fetch(url)).text()).toBe("from outside");
          expect(machine.asRoot(`curl -sS --max-time 5 ${url}`)).toMatchObject({ code: 7, stdout: "" }); // no connection
        }
        expect(addresses).toContain("127.0.0.1");
        expect(machine.asRoot("ls /sys/class/net").stdout).toBe("lo\n");
      } finally {
        await server.stop(true);
      }
    });

    test("who waits there in vain is told what its journal has said last", () => {
      machine.asRoot("echo the last word | systemd-cat -t harness");
      expect(() => machine.until("it holds", "false", 100)).toThrow(
        /^it holds: not within 0.1 s\n[\s\S]*the last word/,
      );
    });
    tests(storyOn(suite, machine));
  });
}

function storyOn(suite: Suite, machine: Machine): Story {
  const fleet = (words: string) => machine.login(`PATH=$HOME/.local/bin:"$PATH" mosaic-fleet ${words}`);
  return {
    suite,
    machine,
    fleet,
    look: (words) => machine.asRoot(`${AS_USER} /home/ada/.local/bin/mosaic-fleet ${words}`),
    check(id) {
      const { checks } = JSON.parse(fleet(`doctor -o json --only ${id}`).stdout) as { checks: Found[] };
      const found = checks.find((each) => each.id === id);
      if (found === undefined) throw new Error(`doctor has no check ${id}`);
      return found;
    },
  };
}

/** What goes before a command that root has the user run outside of a login, with the user's bus. */
export const AS_USER = "runuser -u ada -- env XDG_RUNTIME_DIR=/run/user/1000";
