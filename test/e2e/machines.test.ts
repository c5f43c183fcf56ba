import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { bun, type Run, run, temporaryFolder, tree, writeFiles } from "../support/build.ts";

// What stands around the machines of test/machines: when they are left out, who is told, and what is kept of them.

const temporary = temporaryFolder();
afterAll(() => temporary[Symbol.dispose]());
beforeAll(() => chmodSync(temporary.path, 0o755));

const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
const isRoot = process.getuid?.() === 0;

/** The two stories that scripts/test includes, with a PATH of these programs alone where some are given. */
function stories(env: Record<string, string | undefined>, prefix: readonly string[] = []): Run {
  const files = ["upgrade", "memory"].map((name) => join(tree, `test/machines/${name}.test.ts`));
  return run([...prefix, bun, "test", "--timeout", "120000", ...files], {
    cwd: tree,
    env: { PATH: process.env.PATH, HOME: temporary.path, ...env },
    timeoutMs: 60_000,
  });
}

/** A PATH of these programs and no other. */
function pathOf(...programs: string[]): string {
  const folder = mkdtempSync(join(temporary.path, "path-"));
  for (const program of programs) writeFiles(folder, { [program]: `#!/bin/sh\nexec ${Bun.which(program)} "$@"\n` });
  for (const program of programs) chmodSync(join(folder, program), 0o755);
  chmodSync(folder, 0o755);
  return folder;
}

describe.skipIf(!isRoot)("where machines cannot be had", () => {
  const mute = mkdtempSync(join(temporary.path, "mute-"));
  writeFiles(mute, { "apt-get": "#!/bin/sh\n" });
  chmodSync(join(mute, "apt-get"), 0o755);
  const cases: [what: string, env: Record<string, string>, prefix: string[], why: string][] = [
    ["whoever is not root", {}, nobody, "machines take root"],
    [
      "without the packages",
      { PATH: pathOf("apt-get", "mmdebstrap", "ssh-keygen") },
      [],
      "systemd-nspawn, nsenter cannot be had",
    ],
    ["without a mirror", { PATH: `${mute}:${process.env.PATH}` }, [], "apt-get knows no mirror"],
  ];
  for (const [what, env, prefix, why] of cases) {
    test(`${what} they are skipped, which is said with the reason, and counted`, () => {
      const { code, stderr } = stories(env, prefix);
      expect(stderr).toContain(`machines (container): skipped: ${why}\n`);
      expect(stderr).toMatch(/\n +\d+ skip\n +0 fail\n/);
      expect(code).toBe(0);
    });
  }

  test("whoever has asked for one by name is not told that all is well", () => {
    const { code, stderr } = stories({ MACHINE_SUITES: "bookworm" }, nobody);
    expect(stderr).toContain("machines take root");
    expect(stderr).not.toContain("skipped: ");
    expect(code).not.toBe(0);
    const asked = run([...nobody, join(tree, "scripts/machines"), "bookworm"], { cwd: tree });
    expect(asked).toMatchObject({
      code: 69,
      stderr: "scripts/machines: only root can boot a machine: sudo scripts/machines bookworm\n",
    });
  });
});

describe("a root file system", () => {
  const cache = join(temporary.path, "cache");
  const log = join(temporary.path, "made");
  /** A fake mmdebstrap: it notes that it was called, and makes what the recipe goes on with, unless it is told to fail or to be killed. */
  const fakes = mkdtempSync(join(temporary.path, "fakes-"));
  writeFiles(fakes, {
    mmdebstrap: `#!/bin/sh
echo made >>${log}
for root; do case $root in /*) break ;; esac; done
mkdir -p "$root/usr/lib/uml" "$root/usr/share"
case $FAULT in fail) echo no such mirror >&2; exit 25 ;; kill) kill -9 $PPID; exit 1 ;; slow) sleep 0.5 ;; esac`,
    "apt-get": '#!/bin/sh\necho "file:///mirror"',
  });
  for (const name of readdirSync(fakes)) chmodSync(join(fakes, name), 0o755);

  const asking = [
    bun,
    "-e",
    `console.log((await import("${join(tree, "test/support/machine-root.ts")}")).kernelRoot())`,
  ];
  const environment = (fault: string, kept = cache) => ({
    ...process.env,
    MOSAIC_MACHINES: kept,
    PATH: `${fakes}:${process.env.PATH}`,
    FAULT: fault,
  });
  const rootWith = (fault = "") => run(asking, { cwd: tree, env: environment(fault) });
  const made = () => (existsSync(log) ? readFileSync(log, "utf8").split("\n").length - 1 : 0);

  test.skipIf(process.arch !== "x64")("is made once and kept, whole or not at all", () => {
    expect(rootWith("fail")).toMatchObject({ code: 1, stderr: expect.stringContaining("no such mirror") });
    expect(readdirSync(cache)).toEqual([]);
    expect(rootWith("kill").code).not.toBe(0);
    const [left = "", ...more] = readdirSync(cache);
    expect([left, ...more]).toEqual([expect.stringMatching(/^\.new-/)]);
    const first = rootWith();
    expect(first.code).toBe(0);
    expect(made()).toBe(3);
    expect(rootWith("fail")).toEqual(first);
    expect(made()).toBe(3);
    expect(existsSync(join(first.stdout.trim(), "machine"))).toBe(true);

    // Another run may be at it still; after two hours none is.
    expect(readdirSync(cache)).toContain(left);
    utimesSync(join(cache, left), new Date(), Date.now() / 1000 - 7200);
    expect(rootWith("fail")).toEqual(first);
    expect(readdirSync(cache).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test.skipIf(process.arch !== "x64")("is made once where two ask for it at the same time", async () => {
    const before = made();
    const env = environment("slow", join(temporary.path, "shared"));
    const both = [1, 2].map(() => Bun.spawn(asking, { cwd: tree, env, stdout: "pipe", stderr: "pipe" }));
    const said = await Promise.all(
      both.map(async ({ stdout, stderr }) => [await stdout.text(), await stderr.text()].join("")),
    );
    expect(said[0]).toMatch(/^\S+\/shared\/kernel-\S+\n$/);
    expect(said[1]).toBe(said[0] as string);
    expect(made()).toBe(before + 1);
  });

  test.skipIf(process.arch !== "x64")("that has been damaged is made anew, which is said", () => {
    const root = rootWith().stdout.trim();
    for (const damage of ["rm -d machine", "echo 127.0.0.1 >etc", "chmod 700 proc", "touch dev"]) {
      const before = made();
      run(["sh", "-c", damage], { cwd: root });
      expect(rootWith()).toMatchObject({
        code: 0,
        stdout: `${root}\n`,
        stderr: `machines: ${root} is not as it was made: it is made anew\n`,
      });
      expect(made()).toBe(before + 1);
    }
    expect(rootWith()).toMatchObject({ code: 0, stderr: "" });
    expect(readdirSync(root).sort()).toEqual(["dev", "lib", "lib64", "machine", "proc", "tmp", "usr"]);
  });
});
