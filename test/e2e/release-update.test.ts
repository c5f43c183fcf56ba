import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Run, run, temporaryFolder, tree } from "../support/build.ts";
import { copyOfTree, listSums, native, newKey } from "../support/release.ts";
import { releaseServer } from "../support/release-server.ts";

// self-update between real releases: an older one, a newer one, and one whose fleet does not hold.

const manifest = await Bun.file(join(tree, "package.json")).json();
const temporary = temporaryFolder();
afterAll(() => temporary[Symbol.dispose]());
const folder = (name: string) => join(temporary.path, name);

const OLD: string = manifest.version;
const NEW = "99.0.0-rc.1";
const BROKEN = "99.1.0";

const toolsAreHere = ["npm", "xz", "dpkg-deb", "minisign"].every((tool) => Bun.which(tool) !== null);
const reachable =
  toolsAreHere &&
  run(["npm", "view", `bun@${manifest.devDependencies.bun}`, "version"], { timeoutMs: 20_000 }).stdout !== "";

describe.skipIf(!reachable)("between releases (takes npm's registry, xz, dpkg-deb and minisign)", () => {
  const releases = folder("releases");
  const home = folder("home");
  const bin = join(home, ".local/bin");
  const place = join(bin, "mosaic-fleet");
  const env = { ...process.env, HOME: home, PATH: `${bin}:${process.env.PATH}` };

  /** Makes the release of a version, signed, where some files are others. */
  async function release(version: string, key: { secret: string }, changed: Readonly<Record<string, string>> = {}) {
    const source = copyOfTree(folder(`source of ${version}`), {
      ...changed,
      "package.json": JSON.stringify({ ...manifest, version }),
    });
    const argv = [process.execPath, "scripts/release.ts", "--xz", "none", "--out", join(releases, version), native];
    const named = { DEBFULLNAME: "Ada Lovelace", DEBEMAIL: "ada@example.net", SOURCE_DATE_EPOCH: "1700000000" };
    const env = { ...process.env, ...named, MINISIGN_SECRET_KEY: key.secret };
    const made = Bun.spawn(argv, { cwd: source, env, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
    expect({ stderr: await made.stderr.text(), code: await made.exited }).toMatchObject({ code: 0 });
  }

  const update = (...words: string[]): Run =>
    run([place, "self-update", ...words], { cwd: "/", env, timeoutMs: 120_000 });
  const from = (version: string) => ["--from", join(releases, version)];
  const versionOf = (path: string) => run([path, "--version"], { env }).stdout.trim();
  const isOf = (path: string, version: string) =>
    run(["cmp", path, join(releases, version, `mosaic-fleet-${version}-${native}`)]).code === 0;

  beforeAll(async () => {
    mkdirSync(home);
    const key = newKey(folder("keys"));
    const script = "assets/start-agent-session.sh";
    // It says that it has started an agent, and has not.
    const lie = readFileSync(join(tree, script), "utf8").replace("\n", "\nexit 0\n");
    await Promise.all([release(OLD, key), release(NEW, key), release(BROKEN, key, { [script]: lie })]);
    const installer = ["sh", join(releases, OLD, "install.sh"), "--from", join(releases, OLD), "--no-doctor"];
    expect(run(installer, { cwd: "/", env })).toMatchObject({ code: 0 });
  }, 120_000);

  test("--check says that there is a newer one, over http, whose signature is looked at; nothing changes", async () => {
    using server = releaseServer(join(releases, NEW));
    const child = Bun.spawn([place, "self-update", "--check", "--from", `http://127.0.0.1:${server.port}`], {
      env,
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    expect({ code: await child.exited, stderr }).toEqual({ code: 1, stderr: "" });
    expect(stdout).toContain(NEW);
    expect(server.asked.map((path) => path.slice(1))).toEqual(["SHA256SUMS", "SHA256SUMS.minisig"]);
    expect(readdirSync(bin)).toEqual(["mosaic-fleet"]);
    expect(isOf(place, OLD)).toBe(true);
  });

  test("a release that another key has signed is refused by the key that the binary knows", () => {
    cpSync(join(releases, NEW), join(releases, "forged"), { recursive: true });
    listSums({ folder: join(releases, "forged"), key: newKey(folder("other keys")) });
    const { code, stderr } = update(...from("forged"));
    expect({ code, stderr }).toEqual({ code: 65, stderr: expect.stringContaining("signature") });
    expect(isOf(place, OLD)).toBe(true);
  });

  test("one whose fleet does not hold fails its own canary in a sandbox, and the older one stays", () => {
    const { code, stderr } = update(...from(BROKEN), "--canary");
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("its canary fails") });
    expect(stderr).toContain("that of the one before: pass");
    expect(readdirSync(bin)).toEqual(["mosaic-fleet"]);
    expect(isOf(place, OLD)).toBe(true);
  }, 120_000);

  test("--canary: the newer one proves itself in a sandbox with its own canary, and is taken", () => {
    const { code, stdout, stderr } = update(...from(NEW), "--canary", "-o", "json");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject({
      change: "update",
      applied: true,
      current: OLD,
      offered: NEW,
      signed: true,
      canary: "pass",
    });
    expect(versionOf(place)).toBe(NEW);
    expect([isOf(place, NEW), isOf(`${place}.previous`, OLD)]).toEqual([true, true]);
  }, 120_000);

  test("again there is nothing to do", () => {
    expect(update(...from(NEW))).toMatchObject({ code: 0, stdout: expect.stringContaining(`${NEW}`) });
    expect(update("--check", ...from(NEW)).code).toBe(0);
    expect(isOf(`${place}.previous`, OLD)).toBe(true);
  });

  test("an older one is refused, and taken with --allow-downgrade", () => {
    const { code, stderr } = update(...from(OLD));
    expect({ code, stderr }).toEqual({ code: 69, stderr: expect.stringContaining("--allow-downgrade") });
    expect(versionOf(place)).toBe(NEW);
    expect(update("--check", ...from(OLD)).code).toBe(0);
    expect(update(...from(OLD), "--allow-downgrade")).toMatchObject({ code: 0 });
    expect([isOf(place, OLD), isOf(`${place}.previous`, NEW)]).toEqual([true, true]);
  }, 60_000);

  test("--rollback is back at the one from before, and again; the one from before can do it too", () => {
    expect(update("--rollback").code).toBe(0);
    expect([isOf(place, NEW), isOf(`${place}.previous`, OLD)]).toEqual([true, true]);
    chmodSync(place, 0o644);
    const kept = run([`${place}.previous`, "self-update", "--rollback"], { env });
    expect(kept).toMatchObject({ code: 0 });
    expect([isOf(place, OLD), versionOf(place)]).toEqual([true, OLD]);
  });

  test("among Debian's versions a release candidate comes before its release, and after the one before", () => {
    const architecture = { "linux-x64": "amd64", "linux-arm64": "arm64" }[native as "linux-x64"];
    const ofDebian = join(releases, NEW, `mosaic-fleet_${NEW}_${architecture}.deb`);
    const version = run(["dpkg-deb", "--field", ofDebian, "Version"]).stdout.trim();
    for (const [one, relation, other] of [
      [version, "lt", "99.0.0"],
      [version, "gt", OLD],
    ] as const)
      expect([version, run(["dpkg", "--compare-versions", one, relation, other]).code]).toEqual([version, 0]);
  });

  test("nothing is left beside them", () => {
    expect(readdirSync(bin).sort()).toEqual(["mosaic-fleet", "mosaic-fleet.previous"]);
  });
});
