import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { type Run, run, temporaryFolder, tree, writeFiles } from "../support/build.ts";

const { devDependencies } = await Bun.file(join(tree, "package.json")).json();
const pinned: string = devDependencies.bun;

const temporary = temporaryFolder();
afterAll(() => temporary[Symbol.dispose]());

/** What a finished set-up starts: nothing here knows the network, and neither Bun nor npm is among it. */
const base = ["bash", "dirname", "sed", "sha256sum"];
/** What set-up looks for and need not start. */
const needed = ["tmux", "systemctl", "flock", "unshare", "shellcheck", "shfmt", "strace"];
/** What it takes besides to install something. */
const installing = ["sh", "env", "sort", "cat", "mkdir", "rm", "uname"];

/** A folder that holds these programs and no other: a PATH. */
function pathOf(name: string, programs: readonly string[]): string {
  const folder = join(temporary.path, name);
  mkdirSync(folder);
  for (const program of programs) symlinkSync(Bun.which(program) ?? "/bin/true", join(folder, program));
  return folder;
}

/** Writes an executable shell script. */
function writeProgram(folder: string, name: string, script: string): void {
  writeFiles(folder, { [name]: `#!/bin/sh\n${script}\n` });
  chmodSync(join(folder, name), 0o755);
}

/** As much of a clean clone as set-up looks at. */
function cleanCopy(name: string): string {
  const folder = join(temporary.path, name);
  mkdirSync(join(folder, "scripts"), { recursive: true });
  for (const file of ["scripts/setup", "scripts/npm-registry", "package.json", "bun.lock"])
    copyFileSync(join(tree, file), join(folder, file));
  return folder;
}

/** A copy in which the packages look installed; its Bun is one that must not be started. */
function installedCopy(name: string): string {
  const folder = cleanCopy(name);
  writeProgram(join(folder, "node_modules/.bin"), "bun", 'touch "$0.was-started"');
  const hashes = run(["sha256sum", "package.json", "bun.lock"], { cwd: folder }).stdout;
  writeFiles(folder, { "node_modules/.setup-stamp": hashes });
  return folder;
}

const isRoot = process.getuid?.() === 0;

function setup(
  copy: string,
  path: string,
  as: "me" | "nobody" | "without network" = "me",
  ...words: readonly string[]
): Run {
  const prefix = {
    me: [],
    nobody: ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
    "without network": ["unshare", "--net"],
  }[as];
  // Only set-up and what it starts see the given PATH. timeout(1) ends them all, and not the first one alone.
  return run(
    ["timeout", "100", ...(isRoot ? prefix : []), "env", `PATH=${path}`, join(copy, "scripts/setup"), ...words],
    {
      cwd: "/",
      env: { ...process.env, BUN_INSTALL_CACHE_DIR: join(temporary.path, "cache") },
    },
  );
}

describe("with everything there", () => {
  test("set-up of this tree is a no-op in well under a second", () => {
    const start = performance.now();
    expect(run([join(tree, "scripts/setup")], { cwd: "/" })).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(performance.now() - start).toBeLessThan(500);
  });

  test("set-up starts neither Bun nor npm, and needs no network", () => {
    const copy = installedCopy("installed");
    const path = pathOf("path-complete", [...base, ...needed]);
    expect(setup(copy, path, "without network")).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(existsSync(join(copy, "node_modules/.bin/bun.was-started"))).toBe(false);
  });
});

describe("with a system package missing", () => {
  const needs = needed.filter((program) => program !== "shfmt" && program !== "shellcheck");

  for (const [manager, command] of [
    [
      "apt-get",
      "apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends shellcheck shfmt",
    ],
    ["dnf", "dnf install -y -q ShellCheck shfmt"],
    ["pacman", "pacman -Sy --needed --noconfirm --quiet shellcheck shfmt"],
    ["apk", "apk add --quiet shellcheck shfmt"],
  ] as const) {
    test(`without root or sudo it prints the exact command for ${manager}, installs nothing and exits 69`, () => {
      const path = pathOf(`path-${manager}`, [...base, ...needs, "sort"]);
      writeProgram(path, manager, 'touch "$0.was-started"');
      const result = setup(installedCopy(`copy-${manager}`), path, "nobody");
      expect(result).toMatchObject({ code: 69, stdout: "" });
      expect(result.stderr.split("\n").slice(1)).toEqual([`su -c '${command}'`, ""]);
      expect(existsSync(join(path, `${manager}.was-started`))).toBe(false);
    });
  }

  test("a sudo that asks for a password is named in the command, not used", () => {
    const path = pathOf("path-sudo-asks", [...base, ...needs, "sort"]);
    writeProgram(path, "apk", "exit 1");
    writeProgram(path, "sudo", "exit 1");
    const result = setup(installedCopy("copy-sudo-asks"), path, "nobody");
    expect(result.code).toBe(69);
    expect(result.stderr).toEndWith("\nsudo sh -c 'apk add --quiet shellcheck shfmt'\n");
  });

  for (const [how, as] of [
    ["as root", "me"],
    ["through a sudo that asks for no password", "nobody"],
  ] as const) {
    test.skipIf(as === "me" && !isRoot)(`${how} it installs that, and nothing else`, () => {
      const path = pathOf(`path-installs-${as}`, [...base, ...installing, ...needs, "ln", "true"]);
      chmodSync(path, 0o777);
      writeProgram(path, "sudo", 'shift; exec "$@"');
      writeProgram(path, "apt-get", `echo "$*"; [ "$1" = update ] || ln -s /bin/true ${path}/shfmt`);
      symlinkSync("/bin/true", join(path, "shellcheck"));
      const result = setup(installedCopy(`copy-installs-${as}`), path, as);
      expect(result.stderr).toBe(
        ["scripts/setup: installing shfmt", "update -qq", "install -y -qq --no-install-recommends shfmt", ""].join(
          "\n",
        ),
      );
      expect(result).toMatchObject({ code: 0, stdout: "" });
    });
  }

  test("a machine with neither Bun nor npm is told to install npm", () => {
    const path = pathOf("path-no-npm", [...base, ...needed, "sort"]);
    writeProgram(path, "apk", "");
    expect(setup(cleanCopy("copy-no-npm"), path, "nobody").stderr).toEndWith("\nsu -c 'apk add --quiet npm'\n");
  });

  test("a machine without a known package manager is told what is missing", () => {
    const path = pathOf("path-no-manager", [...base, ...needs]);
    const result = setup(installedCopy("copy-no-manager"), path, "nobody");
    expect(result.code).toBe(69);
    expect(result.stderr).toContain("missing: shellcheck shfmt.");
  });
});

describe("with what only a release and its tests take missing", () => {
  const programs = [...base, ...installing, ...needed, "xz", "busybox"];

  test("it is not looked for, but with --for-tests", () => {
    const path = pathOf("path-not-for-tests", programs);
    writeProgram(path, "apt-get", 'touch "$0.was-started"');
    expect(setup(installedCopy("copy-not-for-tests"), path)).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(existsSync(join(path, "apt-get.was-started"))).toBe(false);
  });

  for (const [what, as, says] of [
    ["where only root can install it, the command is printed", "nobody", "su -c 'apt-get update"],
    ["where it cannot be installed, that is said", "me", "scripts/setup: installing "],
  ] as const) {
    test.skipIf(as === "me" && !isRoot)(`--for-tests: ${what}, and it is no failure`, () => {
      const path = pathOf(`path-for-tests-${as}`, programs);
      writeProgram(path, "apt-get", "exit 1");
      const { code, stderr } = setup(installedCopy(`copy-for-tests-${as}`), path, as, "--for-tests");
      expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining(says) });
      expect(stderr).toMatch(/the tests that take these are skipped: .*minisign.*\n$/);
    });
  }

  test.skipIf(!isRoot)("--for-tests: as root it is installed", () => {
    const path = pathOf("path-for-tests-installs", [...programs, "ln", "true"]);
    const link = `ln -sf /bin/true ${path}/minisign && ln -sf /bin/true ${path}/qemu-aarch64-static && for p in mmdebstrap systemd-nspawn ssh-keygen; do ln -sf /bin/true ${path}/$p; done`;
    writeProgram(path, "apt-get", `echo "$*"; [ "$1" = update ] || { ${link}; }`);
    const { code, stderr } = setup(installedCopy("copy-for-tests-installs"), path, "me", "--for-tests");
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/\ninstall -y .*minisign/) });
    expect(stderr).not.toContain("minisign\nscripts/setup: the tests");
  });
});

// The registry is asked through npm, so that its configuration applies.
const reachable =
  Bun.which("npm") !== null && run(["npm", "view", `bun@${pinned}`, "version"], { timeoutMs: 20_000 }).stdout !== "";

describe.skipIf(!reachable)("from a clean clone, with npm and no Bun", () => {
  const programs = [...base, ...installing, ...needed, "node", "npm"];
  let copy: string;
  let path: string;
  beforeAll(() => {
    copy = cleanCopy("clean");
    path = pathOf("path-npm", programs);
  });

  test("set-up installs bun.lock and the pinned Bun, and leaves nothing but node_modules", () => {
    expect(setup(copy, path)).toMatchObject({ code: 0, stdout: "" });
    expect(run([join(copy, "node_modules/.bin/bun"), "--version"]).stdout).toBe(`${pinned}\n`);
    expect(existsSync(join(copy, "node_modules/.bin/biome"))).toBe(true);
    expect(readdirSync(copy).sort()).toEqual(["bun.lock", "node_modules", "package.json", "scripts"]);
    expect(existsSync(join(copy, "node_modules/.bootstrap"))).toBe(false);
    expect(run(["cmp", join(copy, "bun.lock"), join(tree, "bun.lock")]).code).toBe(0);
  }, 120_000);

  test("where only the stamp is gone it needs no network", () => {
    rmSync(join(copy, "node_modules/.setup-stamp"));
    rmSync(join(temporary.path, "cache"), { recursive: true });
    expect(setup(copy, path, "without network")).toMatchObject({ code: 0 });
  });
});
