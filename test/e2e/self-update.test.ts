import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { version } from "../../package.json";
import { disk } from "../../src/adapters/disk.ts";
import { files, filesOn } from "../../src/adapters/files.ts";
import { localHost } from "../../src/adapters/local-host.ts";
import { FleetError } from "../../src/core/errors.ts";
import { fileErrorIn } from "../../src/core/file-error.ts";
import type { Host } from "../../src/core/host.ts";
import { goBack, selfUpdate, type UpdateOptions } from "../../src/update/update.ts";
import { binary, type Run, run, temporaryFolder, writeFiles } from "../support/build.ts";
import { type Fault, faultyDisk } from "../support/faulty-disk.ts";
import { listSums, newKey } from "../support/release.ts";
import { releaseServer } from "../support/release-server.ts";

// self-update of the real binary, to stand-ins for newer ones, from a server on loopback.

const temporary = temporaryFolder();
const folder = (name: string) => join(temporary.path, name);
const native = `linux-${process.arch}`;
const xzIsHere = Bun.which("xz") !== null;
const minisignIsHere = Bun.which("minisign") !== null;
const isRoot = process.getuid?.() === 0;

/** A link to one copy for all, on the file system of the homes. */
const original = folder("mosaic-fleet-original");
copyFileSync(binary, original);

const NEW = "99.1.0";

const healthy = { verdict: "pass", checks: [{ id: "a.b", status: "pass", message: null, fix: { commands: [] } }] };
const report = (id: string, status: string, commands: string[] = ["true"]) => ({
  verdict: status === "unknown" ? "unknown" : "broken",
  checks: [{ id, status, message: `${id} is ${status}`, fix: { commands } }],
});

/** What is of the version before fails, what the user has edited is a warning: each has its own remedy. */
const edited = {
  verdict: "broken",
  checks: [
    {
      id: "a.b",
      status: "fail",
      message: "2 of 9 files",
      fix: { commands: [] },
      subjects: [
        { subject: "one", status: "fail", message: "old", fix: { commands: ["mosaic-fleet install"] } },
        { subject: "two", status: "warn", message: "edited", fix: { commands: ["systemctl --user edit two"] } },
      ],
    },
  ],
};

interface StandIn {
  readonly version?: string;
  /** What `--version` does instead. */
  readonly start?: string;
  /** What its doctor does: prints a document, or a script. */
  readonly doctor?: object | string;
  readonly canary?: string;
}

/** What stands in for a binary: a script that knows what self-update asks one. */
function standIn({ version = NEW, start, doctor = healthy, canary = "exit 0" }: StandIn = {}): string {
  const doctorScript = typeof doctor === "string" ? doctor : `cat <<'EOF'\n${JSON.stringify(doctor)}\nEOF`;
  return `#!/bin/sh
case $* in
--version) ${start ?? `echo ${version}`} ;;
"doctor -o json"*) ${doctorScript}
;;
"canary --sandbox -o json") ${canary} ;;
*) exit 64 ;;
esac
`;
}

let releases = 0;
/** A release of one stand-in. */
function newRelease(given: StandIn = {}, key?: { secret: string }, packed = xzIsHere): string {
  const place = folder(`release-${++releases}`);
  const name = `mosaic-fleet-${given.version ?? NEW}-${native}`;
  writeFiles(place, { [name]: standIn(given) });
  if (packed) run(["xz", "--keep", name], { cwd: place });
  listSums({ folder: place, key });
  return place;
}

const plain = newRelease();
const server = releaseServer(plain);
const base = `http://127.0.0.1:${server.port}`;
afterAll(() => {
  server[Symbol.dispose]();
  temporary[Symbol.dispose]();
});
beforeEach(() => {
  server.asked.length = 0;
  server.manner = [];
  server.folder = plain;
});

let homes = 0;
interface Home {
  readonly home: string;
  readonly bin: string;
  readonly place: string;
  readonly previous: string;
}
/** A home with an installed binary: the real one, or a stand-in. */
function newHome(old?: StandIn): Home {
  const home = folder(`home ${++homes} it's`);
  const bin = join(home, ".local/bin");
  mkdirSync(bin, { recursive: true });
  const place = join(bin, "mosaic-fleet");
  if (old === undefined) linkSync(original, place);
  else writeProgram(place, standIn(old));
  return { home, bin, place, previous: `${place}.previous` };
}

function writeProgram(path: string, text: string): void {
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}

const environment = ({ home, bin }: Home, env: Record<string, string> = {}) => ({
  HOME: home,
  PATH: `${bin}:${process.env.PATH}`,
  ...env,
});

/** Starts the installed binary, while the server goes on serving. */
function start(at: Home, words: readonly string[], env: Record<string, string> = {}, through: readonly string[] = []) {
  return Bun.spawn([...through, at.place, "self-update", ...words], {
    cwd: "/",
    env: environment(at, env),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

async function ended(child: ReturnType<typeof start>): Promise<Run> {
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  return { code: child.exitCode, stdout, stderr };
}

const update = (at: Home, words: readonly string[] = [], env?: Record<string, string>) =>
  ended(start(at, ["--from", base, ...words], env));

function isOriginal(path: string): boolean {
  return statSync(path).ino === statSync(original).ino;
}

/** Asserts that it failed, said so in three lines, and left the binary of before and nothing else. */
function expectRefused({ code, stderr }: Run, at: Home, wanted: { code: number; says: string }): void {
  expect({ stderr, code }).toEqual({ stderr: expect.stringContaining(wanted.says), code: wanted.code });
  expect(stderr).toMatch(/.+\.\n {2}Why: {2}.+\n/s);
  expect(readdirSync(at.bin)).toEqual(["mosaic-fleet"]);
  expect(isOriginal(at.place)).toBe(true);
}

describe("the newer binary", () => {
  test("takes the place, the one before is kept beside it, and both are told", async () => {
    const at = newHome();
    const { code, stdout, stderr } = await update(at);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`Updated from ${version} to ${NEW}`);
    expect(stdout).toContain("self-update --rollback");
    expect(readFileSync(at.place, "utf8")).toBe(standIn());
    expect(statSync(at.place).mode & 0o7777).toBe(statSync(original).mode & 0o7777);
    expect(isOriginal(at.previous)).toBe(true);
    expect(readdirSync(at.bin).sort()).toEqual(["mosaic-fleet", "mosaic-fleet.previous"]);
    const asset = `mosaic-fleet-${NEW}-${native}${xzIsHere ? ".xz" : ""}`;
    expect(server.asked).toEqual(["/SHA256SUMS", `/${asset}`]);
  });

  test("--rollback, of the binary before, goes back; twice is back again", async () => {
    const at = newHome();
    expect((await update(at)).code).toBe(0);
    // The new one is a stand-in that knows no self-update: the kept one does it, as where a new one does not run.
    const back = run([at.previous, "self-update", "--rollback"], { env: environment(at) });
    expect(back).toMatchObject({ code: 0, stderr: "" });
    expect(back.stdout).toContain(`Went back from ${NEW} to ${version}`);
    expect(isOriginal(at.place)).toBe(true);
    expect(readFileSync(at.previous, "utf8")).toBe(standIn());
    const forth = run([at.place, "self-update", "--rollback", "-o", "json"], { env: environment(at) });
    expect(JSON.parse(forth.stdout)).toMatchObject({ applied: true, from: version, to: NEW });
    expect(readFileSync(at.place, "utf8")).toBe(standIn());
    expect(isOriginal(at.previous)).toBe(true);
    expect(readdirSync(at.bin).sort()).toEqual(["mosaic-fleet", "mosaic-fleet.previous"]);
  });

  test("--rollback with nothing to go back to, or to something that does not run, changes nothing", () => {
    const at = newHome();
    const words = ["self-update", "--rollback"];
    expectRefused(run([at.place, ...words], { env: environment(at) }), at, { code: 69, says: "no binary to go back" });
    writeProgram(at.previous, "#!/bin/sh\nexit 3\n");
    const { code, stderr } = run([at.place, ...words], { env: environment(at) });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("does not run here") });
    writeProgram(at.previous, "\x00");
    const spoilt = run([at.place, ...words], { env: environment(at) });
    const says = expect.stringContaining(
      `${at.previous} cannot be started: ${at.previous} is no program of this machine`,
    );
    expect(spoilt).toEqual({ code: 1, stdout: "", stderr: says });
    expect(isOriginal(at.place)).toBe(true);
  });

  test("of a folder, without a network, is taken as well; --dry-run and --check take nothing", async () => {
    const at = newHome();
    for (const [words, code] of [
      [["--dry-run"], 0],
      [["--check"], 1],
    ] as const) {
      const looked = run([at.place, "self-update", "--from", plain, ...words], { env: environment(at) });
      expect(looked).toMatchObject({ code, stderr: "" });
      expect(looked.stdout).toContain(`${NEW} is there, this is ${version}`);
      expect(readdirSync(at.bin)).toEqual(["mosaic-fleet"]);
      expect(isOriginal(at.place)).toBe(true);
    }
    const argv = [at.place, "self-update", "--from", plain, "-o", "json"];
    const { code, stdout } = run(isRoot ? ["unshare", "--net", ...argv] : argv, { env: environment(at) });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      schemaVersion: 1,
      change: "update",
      applied: true,
      current: version,
      offered: NEW,
      target: native,
      signed: false,
      place: at.place,
      previous: at.previous,
      doctor: "pass",
      canary: null,
    });
  });

  test("is not taken where it is what is there already", async () => {
    const place = folder("the same");
    mkdirSync(place);
    linkSync(original, join(place, `mosaic-fleet-${version}-${native}`));
    listSums({ folder: place });
    server.folder = place;
    const at = newHome();
    const { code, stdout } = await update(at);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining("Up to date") });
    expect(isOriginal(at.place)).toBe(true);
    expect((await update(at, ["--check"])).code).toBe(0);
  });

  test("is not taken where it is older, unless that is said", async () => {
    server.folder = newRelease({ version: "0.0.1" });
    const at = newHome();
    expectRefused(await update(at), at, { code: 69, says: `0.0.1 is older than ${version}` });
    expect((await update(at, ["--check"])).code).toBe(0);
    expect((await update(at, ["--allow-downgrade"])).code).toBe(0);
    expect(readFileSync(at.place, "utf8")).toContain("echo 0.0.1");
  });
});

describe("what goes wrong on the way", () => {
  const asset = xzIsHere ? ".xz" : native;
  for (const [manner, code, says] of [
    ["gone", 69, "404"],
    ["cut", 69, "Cannot download"],
    ["short", 65, "is not what the release has"],
    ["wrong", 65, "is not what the release has"],
    ["stalled", 69, "less than 1 kB a second came for 1 s"],
    ["slow", 69, "less than 1 kB a second came for 1 s"],
  ] as const) {
    test(`${manner}: nothing is changed`, async () => {
      server.manner = [[asset, manner]];
      const at = newHome();
      const begun = performance.now();
      expectRefused(await update(at, ["--timeout", "1"]), at, { code, says });
      expect(performance.now() - begun).toBeLessThan(10_000);
    });
  }

  test("a list without end, one that is not there, one of other machines", async () => {
    const at = newHome();
    server.manner = [["SUMS", "endless"]];
    expectRefused(await update(at), at, { code: 65, says: "larger than the 1048576 bytes" });
    server.manner = [["SUMS", "gone"]];
    expectRefused(await update(at), at, { code: 69, says: "404" });
    server.manner = [];
    server.folder = folder("other machines");
    writeFiles(server.folder, { SHA256SUMS: `${"0".repeat(64)}  mosaic-fleet-99.0.0-linux-s390x\n` });
    expectRefused(await update(at), at, { code: 69, says: `no mosaic-fleet for ${native}` });
  });

  test("a list whose lines end as on Windows, and come twice, is read; one with two sums for a name is not believed", async () => {
    const at = newHome();
    server.folder = newRelease();
    const list = join(server.folder, "SHA256SUMS");
    const sums = readFileSync(list, "utf8");
    writeFileSync(list, (sums + sums).replaceAll("\n", "\r\n"));
    expect(await update(at, ["--check"])).toMatchObject({ code: 1 });
    for (const text of [sums + sums.replaceAll(/^./gm, "g0"), sums + sums.replaceAll(/^.{64}/gm, "0".repeat(64))]) {
      writeFileSync(list, text);
      const refused = text.includes("g0")
        ? { code: 1 }
        : { code: 65, stderr: expect.stringContaining("has two sums for") };
      expect(await update(at, ["--check"])).toMatchObject(refused);
    }
    expectRefused(await update(at), at, { code: 65, says: "has two sums for" });
  });

  test("plain http elsewhere is not believed, by itself or through a redirect", async () => {
    const at = newHome();
    const words = ["--from", "http://198.51.100.1/x"];
    expectRefused(await ended(start(at, words)), at, { code: 69, says: "http proves nothing" });
    server.manner = [["", "elsewhere"]];
    server.redirectTo = "http://198.51.100.1";
    expectRefused(await update(at), at, { code: 69, says: "not safe enough" });
  });

  test("what it says to type is what can be typed, whatever the folders are called", async () => {
    const at = newHome();
    const works = ({ next }: FleetError) => run(["sh", "-c", next[0] ?? ""], { cwd: at.home }).code;
    mkdirSync(join(at.home, "of a release"));
    const nothing = await updateHere(hostAt(at), { from: join(at.home, "of a release") }).catch((error) => error);
    expect({ what: nothing.what, code: works(nothing) }).toEqual({
      what: expect.stringContaining("There is no"),
      code: 0,
    });
    const full: Host = {
      ...hostAt(at),
      files: { ...files, writeNew: async () => Promise.reject(Object.assign(new Error("ENOSPC"), { code: "ENOSPC" })) },
    };
    const written = await updateHere(full).catch((error) => error);
    expect({ what: written.what, code: works(written) }).toEqual({
      what: expect.stringContaining("Cannot write"),
      code: 0,
    });
    const address = "http://127.0.0.1:1/of a release";
    const unanswered = await updateHere(hostAt(at), { from: address }).catch((error) => error);
    expect(unanswered.next[0]).toStartWith(`curl -fI '${address}/SHA256SUMS' `);
  });

  test.skipIf(!xzIsHere)(
    "what the user has set for xz does not matter; a disk that is full is told of xz, too",
    async () => {
      const at = newHome();
      expect(await update(at, [], { XZ_OPT: "--format=lzma", XZ_DEFAULTS: "--memlimit=1MiB" })).toMatchObject({
        code: 0,
      });
      const full = run(["sh", "-c", `xz -dc '${plain}'/*.xz >/dev/full`], {
        env: { ...process.env, LC_ALL: "C.UTF-8" },
      });
      expect(fileErrorIn(full.stderr)).toEqual({ code: "ENOSPC" });
      expect(fileErrorIn("xz: File format not recognized")).toEqual({ code: "EIO" });
    },
  );

  test.skipIf(!isRoot)("a folder whose files may not be read is said to be that, and how to look (as root)", () => {
    const place = newRelease();
    run(["chmod", "000", join(place, "SHA256SUMS")]);
    const theirs = newHome({});
    run(["cp", "--remove-destination", original, theirs.place]);
    run(["chown", "-R", "65534", theirs.home]);
    const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const { code, stderr } = run([...nobody, theirs.place, "self-update", "--from", place], {
      env: environment(theirs),
    });
    expect({ code, stderr }).toEqual({ code: 69, stderr: expect.stringContaining(`Cannot read ${place}/SHA256SUMS`) });
    expect(stderr).toContain(`namei -l ${place}/SHA256SUMS`);
    expect(readdirSync(theirs.bin)).toEqual(["mosaic-fleet"]);
    rmSync(theirs.place);
  });

  test("a server that is not there, an address that is not known, a signature that cannot be required", async () => {
    const at = newHome();
    expectRefused(await ended(start(at, ["--from", "http://127.0.0.1:1"])), at, { code: 69, says: "Cannot download" });
    expectRefused(await ended(start(at, [])), at, { code: 64, says: "It is not known where newer versions are" });
    expectRefused(await update(at, ["--require-signature"]), at, { code: 65, says: "There is no signature to check" });
    expectRefused(await ended(start(at, ["--from", folder("nowhere")])), at, {
      code: 69,
      says: "There is no SHA256SUMS",
    });
  });

  test("the proxy of the environment is used", async () => {
    const at = newHome();
    const { code, stderr } = await ended(
      start(at, ["--from", "http://localhost:1"], { http_proxy: base, no_proxy: "" }),
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(server.asked[0]).toBe("http://localhost:1/SHA256SUMS");
  });

  test("https goes by the certificates of the machine", async () => {
    if (Bun.which("openssl") === null) return;
    const subject = "-x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost";
    const [key, cert] = [folder("tls.key"), folder("tls.crt")];
    run(["openssl", "req", ...subject.split(" "), "-keyout", key, "-out", cert]);
    using safe = releaseServer(plain, { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") });
    const words = ["--from", `https://localhost:${safe.port}`];
    const at = newHome();
    expectRefused(await ended(start(at, words)), at, { code: 69, says: "Cannot download https://" });
    expect((await ended(start(at, words, { SSL_CERT_FILE: cert }))).code).toBe(0);
  });
});

test("a password in the address is used and never shown", async () => {
  const from = ["--from", `http://ada:se%40cret@127.0.0.1:${server.port}`];
  for (const [manner, words] of [
    ["gone", []],
    ["stalled", ["--timeout", "1s", "-o", "json"]],
    ["good", ["--dry-run"]],
    ["good", ["-o", "json"]],
  ] as const) {
    server.manner = [["", manner]];
    const { code, stdout, stderr } = await ended(start(newHome(), [...from, ...words]));
    expect({ manner, good: code === 0 }).toEqual({ manner, good: manner === "good" });
    expect(stdout + stderr).toContain(base);
    expect(stdout + stderr).not.toContain("cret");
  }
  expect(server.authorized.at(-1)).toBe(`Basic ${btoa("ada:se@cret")}`);
});

test("a password in the environment is used, and no program that is started has it", async () => {
  const address = `http://ada:se%40cret@127.0.0.1:${server.port}`;
  const at = newHome();
  // The new binary's doctor finds something broken where it sees the password.
  const seen = `grep -qz cret /proc/self/environ /proc/$$/cmdline && exit 70\ncat <<'EOF'\n${JSON.stringify(healthy)}\nEOF`;
  server.folder = newRelease({ version: "99.1.1", doctor: seen });
  const { code, stdout, stderr } = await ended(start(at, [], { MOSAIC_FLEET_BASE_URL: address }));
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout + stderr).not.toContain("cret");
  expect(server.authorized.at(-1)).toBe(`Basic ${btoa("ada:se@cret")}`);
  expect(readFileSync(at.place, "utf8")).toContain("99.1.1");
});

for (const from of [
  "https://ada:se/cret@x.example/",
  "HTTPS://ada:secret@x.example",
  "https:/ada:secret@x.example",
  "https:ada:secret@x.example",
  " https://ada:secret@x.example",
  "'https://ada:secret@x.example'",
  'https://ada:se"cret@x.example',
  "https://ada:se cret@x.example",
  "https://ada:se\ncret@x.example",
  "https://ada:se\u00a0cret@x.example",
])
  for (const words of [[], ["-o", "json"]])
    test(`--from ${JSON.stringify(from)} ${words.join(" ")}: 64, and nothing of a password is said`, async () => {
      const { code, stdout, stderr } = await ended(start(newHome(), ["--from", from, ...words]));
      expect({ code, said: stdout + stderr }).toEqual({ code: 64, said: expect.not.stringContaining("cret") });
    });

describe("a new binary that does not hold", () => {
  for (const [what, given, says] of [
    ["does not run", { start: "exit 1" }, "does not run here"],
    ["is killed by a signal", { start: "kill -SEGV $$" }, "does not run here"],
    ["is another version than it should be", { start: "echo 1.0.0" }, "it says that it is 1.0.0"],
    ["has a doctor that crashes", { doctor: "exit 70" }, "its doctor does not work"],
    ["has a doctor that knows no such option", { doctor: "exit 64" }, "its doctor does not work"],
  ] as [string, StandIn, string][]) {
    test(`${what}: the one before stays`, async () => {
      server.folder = newRelease(given);
      const at = newHome();
      expectRefused(await update(at), at, { code: 1, says });
    });
  }

  test("runs beside the place, and not in it: goes back by itself", async () => {
    server.folder = newRelease({ start: `case $0 in */.mosaic-fleet-update-*) echo ${NEW} ;; *) exit 9 ;; esac` });
    const at = newHome();
    expectRefused(await update(at), at, { code: 1, says: "exited with 9" });
  });

  /** In this process, from a stand-in to a stand-in, so that both doctors say what the test wants. */
  async function between(old: StandIn, fresh: StandIn, options: Partial<UpdateOptions> = {}) {
    const at = newHome({ version: "1.0.0", ...old });
    const result = await updateHere(hostAt(at), { from: newRelease(fresh), ...options }).catch((error) => error);
    return { at, result };
  }

  for (const [what, old, fresh, says] of [
    ["fails where the old one passes", healthy, report("a.b", "fail"), "a.b is fail"],
    ["cannot tell where the old one passes", healthy, report("a.b", "unknown"), "a.b is unknown"],
    ["fails where the old one could not tell", report("a.b", "unknown"), report("a.b", "fail"), "a.b is fail"],
    ["prints without end", healthy, "exec yes", "and was killed: y"],
    ["gives no report where the old one finds something", report("a.b", "fail"), "exit 1", "does not work"],
  ] as [string, object, object | string, string][]) {
    test(`its doctor ${what}: it is not taken`, async () => {
      const { at, result } = await between({ doctor: old }, { doctor: fresh });
      expect(result).toBeInstanceOf(FleetError);
      expect(`${result.what} ${result.why}`).toContain(says);
      expect(readdirSync(at.bin)).toEqual(["mosaic-fleet"]);
      expect(readFileSync(at.place, "utf8")).toBe(standIn({ version: "1.0.0", doctor: old }));
      const taken = await between({ doctor: old }, { doctor: fresh }, { doctor: false });
      expect(taken.result).toMatchObject({ applied: true, doctor: null });
    });
  }

  for (const [what, old, fresh] of [
    ["finds what the old one finds", report("a.b", "fail"), report("a.b", "fail")],
    ["finds something that only it looks at", healthy, report("new.check", "fail")],
    ["finds that the layout is of the old version", healthy, report("a.b", "fail", ["mosaic-fleet install"])],
    ["finds the same, and a unit that the user has edited", healthy, edited],
    ["works no better than the old one", "exit 70", "exit 70"],
    ["passes where the old one fails", report("a.b", "fail"), healthy],
  ] as [string, object | string, object | string][]) {
    test(`its doctor ${what}: it is taken`, async () => {
      const { at, result } = await between({ doctor: old }, { doctor: fresh });
      expect(result).toMatchObject({ applied: true });
      expect(readFileSync(at.place, "utf8")).toBe(standIn({ doctor: fresh }));
    });
  }

  test("what its doctor finds once and not again is not held against it", async () => {
    const mark = folder("seen once");
    const [bad, good] = [JSON.stringify(report("a.b", "fail")), JSON.stringify(healthy)];
    const doctor = `if [ -e '${mark}' ]; then echo '${good}'; else : >'${mark}'; echo '${bad}'; fi`;
    expect((await between({}, { doctor })).result).toMatchObject({ applied: true });
  });

  for (const [old, fresh, taken] of [
    ["exit 0", "exit 0", "pass"],
    ["exit 0", "exit 1", undefined],
    ["exit 0", "exit 2", undefined],
    ["exit 0", "kill -9 $$", undefined],
    ["exit 1", "kill -9 $$", undefined],
    ["exit 1", "exit 1", "broken"],
    ["exit 69", "exit 69", "unavailable"],
  ] as const) {
    test(`--canary: the old one's ${old}, the new one's ${fresh}: ${taken ?? "not taken"}`, async () => {
      const { at, result } = await between({ canary: old }, { canary: fresh }, { canary: true });
      if (taken !== undefined) expect(result).toMatchObject({ applied: true, canary: taken });
      else expect(result.what).toContain("its canary fails");
      expect(existsSync(at.previous)).toBe(taken !== undefined);
    });
  }
});

function hostAt(at: Home): Host {
  const host = localHost();
  const env = { ...host.env, ...environment(at) };
  return { ...host, executable: at.place, env, user: { ...host.user, home: at.home } };
}

function updateHere(host: Host, options: Partial<UpdateOptions> = {}) {
  const origin = { address: "", publicKey: "" };
  return selfUpdate(host, { version: "1.0.0", origin, from: plain, doctor: true, stallMs: 5000, ...options });
}

describe.skipIf(!minisignIsHere)("the signature, where the binary knows a key (takes minisign)", () => {
  const key = minisignIsHere ? newKey(folder("keys")) : { secret: "", public: "" };
  const origin = { address: "", publicKey: key.public };

  for (const [what, spoil, says] of [
    ["good", () => {}, undefined],
    ["missing", (place) => rmSync(join(place, "SHA256SUMS.minisig")), "There is no SHA256SUMS.minisig"],
    ["of other sums", (place) => writeFileSync(join(place, "SHA256SUMS"), "\n", { flag: "a" }), "is wrong"],
    ["of another key", (place) => listSums({ folder: place, key: newKey(folder("other-keys")) }), "is wrong"],
  ] as [string, (place: string) => void, string | undefined][]) {
    test(`${what}: it is ${says === undefined ? "taken" : "not taken"}`, async () => {
      const place = newRelease({}, key);
      spoil(place);
      const at = newHome({ version: "1.0.0" });
      const options = { origin, from: place, requireSignature: true };
      const result = await updateHere(hostAt(at), options).catch((error) => error);
      if (says === undefined) expect(result).toMatchObject({ applied: true, signed: true });
      else expect(result.what).toContain(says);
      expect(readFileSync(at.place, "utf8")).toBe(standIn(says === undefined ? {} : { version: "1.0.0" }));
    });
  }
});

describe("the place", () => {
  test("found through a link is left to whoever made the link", () => {
    const at = newHome();
    const bin = join(at.home, "bin");
    mkdirSync(bin);
    symlinkSync(at.place, join(bin, "mosaic-fleet"));
    const env = { ...environment(at), PATH: `${bin}:${process.env.PATH}` };
    const result = run([join(bin, "mosaic-fleet"), "self-update", "--from", plain], { env });
    expectRefused(result, at, { code: 73, says: "is a link to" });
    expect(result.stderr).toContain("cp --remove-destination");
    expect(readlinkSync(join(bin, "mosaic-fleet"))).toBe(at.place);
  });

  test("of a file of a release, or of another name, is none", () => {
    const place = folder("downloads");
    mkdirSync(place);
    const path = join(place, `mosaic-fleet-${version}-${native}`);
    linkSync(original, path);
    const { code, stderr } = run([path, "self-update", "--from", plain]);
    expect({ code, stderr }).toEqual({ code: 73, stderr: expect.stringContaining("install -D -m 755") });
  });

  test("of a binary that is gone, or another, since it was started: said, and what to type", async () => {
    for (const replaced of [false, true]) {
      const at = newHome();
      const script = `exec 3<"$0"; rm "$0"; ${replaced ? 'cp /bin/true "$0";' : ""} exec /proc/self/fd/3 self-update --rollback`;
      const { code, stderr } = run(["sh", "-c", script, at.place], { env: environment(at) });
      expect({ code, stderr }).toEqual({
        code: 73,
        stderr: expect.stringContaining(`${at.place} was removed or replaced since this was started`),
      });
      expect(stderr).not.toContain("(deleted)");
      expect(stderr).toContain(replaced ? "mosaic-fleet --version" : "sh install.sh");
      rmSync(at.place, { force: true });
    }
  });

  test("that another self-update has brought up to date meanwhile is left: what ran before it stays beside it", async () => {
    const at = newHome({ version: "1.0.0" });
    await updateHere(hostAt(at), { from: newRelease({ version: "2.0.0" }) });
    // This one was started before, as 1.0.0.
    const error = await updateHere(hostAt(at)).catch((error) => error);
    expect(error).toMatchObject({ exit: 69, why: `${at.place} was replaced meanwhile` });
    expect(readFileSync(at.place, "utf8")).toBe(standIn({ version: "2.0.0" }));
    expect(readFileSync(at.previous, "utf8")).toBe(standIn({ version: "1.0.0" }));
  });

  test.skipIf(!isRoot)(
    "in a folder that may not be written: how to look why, and no copy onto itself (as root)",
    () => {
      const at = newHome({});
      run(["cp", "--remove-destination", original, at.place]);
      run(["chown", "-R", "65534", at.home]);
      run(["chmod", "555", at.bin]);
      const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
      const { code, stderr } = run([...nobody, at.place, "self-update", "--from", plain], { env: environment(at) });
      expect(code).toBe(73);
      expect(stderr).toEndWith(
        "Next: ls -ld ~/.local/bin\n          # whose is it?\n        findmnt --target ~/.local/bin\n          # or can it only be read?\n",
      );
      run(["rm", "-r", at.home]);
    },
  );

  test("may have folders beside it whose names begin as ours do", async () => {
    const at = newHome();
    const mine = join(at.bin, ".mosaic-fleet-update-notes");
    writeFiles(mine, { mine: "" });
    expect((await update(at)).code).toBe(0);
    expect(readdirSync(mine)).toEqual(["mine"]);
  });

  test("that a package owns is the package's (a dpkg-query that says so)", () => {
    const at = newHome();
    const tools = folder("tools");
    writeFiles(tools, { "dpkg-query": '#!/bin/sh\necho "mosaic-fleet: $2"\n' });
    chmodSync(join(tools, "dpkg-query"), 0o755);
    const env = { ...environment(at), PATH: `${tools}:${process.env.PATH}` };
    const result = run([at.place, "self-update", "--from", plain], { env });
    expectRefused(result, at, { code: 73, says: "belongs to the package mosaic-fleet" });
    expect(result.stderr).toContain("sudo apt-get install");
  });

  for (const [what, make] of [
    ["is a folder", (path) => mkdirSync(join(path, "of mine"), { recursive: true })],
    ["is a link", (path) => symlinkSync("/bin/true", path)],
    ...(isRoot ? [["belongs to uid 65534", (path: string) => writeAs(65534, path, standIn())]] : []),
  ] as [string, (path: string) => void][]) {
    test(`of the binary from before, where what lies there ${what}: it is neither lost nor run`, async () => {
      const at = newHome();
      make(at.previous);
      const list = () => run(["ls", "-lR", at.bin]).stdout;
      const before = list();
      for (const words of [["--from", base], ["--rollback"]]) {
        server.asked.length = 0;
        const { code, stderr } = await ended(start(at, words));
        expect({ code, stderr }).toEqual({ code: 73, stderr: expect.stringContaining(`${at.previous} ${what}`) });
        expect(stderr).toContain("mv ");
        expect(server.asked).toEqual([]);
      }
      expect(list()).toBe(before);
    });
  }

  function writeAs(uid: number, path: string, text: string): void {
    writeProgram(path, text);
    run(["chown", String(uid), path]);
  }

  const asNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  test.skipIf(!isRoot)("that is root's is root's, and a user's is that user's (as root)", () => {
    const at = newHome();
    const words = [at.place, "self-update", "--from", plain];
    const roots = run([...asNobody, ...words], { env: environment(at) });
    expectRefused(roots, at, { code: 73, says: "belongs to root" });
    expect(roots.stderr).toContain("sudo ");
    const theirs = newHome({});
    run(["cp", "--remove-destination", original, theirs.place]);
    run(["chown", "65534", theirs.place]);
    const { code, stderr } = run([theirs.place, "self-update", "--from", plain], { env: environment(theirs) });
    expect({ code, stderr }).toEqual({ code: 73, stderr: expect.stringContaining("sudo -u '#65534'") });
    run(["rm", theirs.place]);
  });
});

describe("killed", () => {
  const NEVER = 999_999_999;

  test("at every call that changes the disk, the place is wholly the old or the new one, and the next run does it", async () => {
    const [old, fresh] = [standIn({ version: "1.0.0" }), standIn()];
    const from = newRelease({}, undefined, false); // xz goes by no call of ours, and is half of the time
    let tried = 0;
    let mixed = 0;
    const tryEverywhere = async (fault: Fault) => {
      for (let at = 0; ; at++) {
        const home = newHome({ version: "1.0.0" });
        writeProgram(home.previous, standIn({ version: "0.9.0" }));
        const faulty = faultyDisk(disk, fault, at);
        const on = filesOn(faulty);
        const read: Host["files"]["read"] = async (path) =>
          path === `/proc/${NEVER}/stat` ? `${NEVER} (x) S ${"0 ".repeat(18)}7 0\n` : on.read(path);
        const host: Host = { ...hostAt(home), pid: NEVER, files: { ...on, read } };
        const failed = await Promise.race([
          updateHere(host, { from, doctor: false }).then(
            () => false,
            () => true,
          ),
          faulty.gone.then(() => true),
        ]);
        if (at >= faulty.calls()) break;
        tried++;
        if (fault === "power") faulty.lose(() => true);
        const found = readFileSync(home.place, "utf8");
        const whole = [old, fresh].includes(found) && (statSync(home.place).mode & 0o111) !== 0;
        const kept = [old, standIn({ version: "0.9.0" })].includes(readFileSync(home.previous, "utf8"));
        if (!whole || !kept) mixed++;
        expect({ fault, at, whole, kept }).toEqual({ fault, at, whole: true, kept: true });
        if (found !== old && failed && fault !== "power") expect(readFileSync(home.previous, "utf8")).toBe(old);
        const version = found === old ? "1.0.0" : NEW; // what runs next is what is there
        await updateHere({ ...hostAt(home), files }, { from, version, doctor: false });
        expect(readFileSync(home.place, "utf8")).toBe(fresh);
        expect(readdirSync(home.bin).sort()).toEqual(["mosaic-fleet", "mosaic-fleet.previous"]);
      }
    };
    await Promise.all((["kill", "power", "ENOSPC", "EROFS"] as const).map(tryEverywhere));
    console.log(`self-update: ${tried} faults tried, ${mixed} left a mixed binary`);
    expect(tried).toBeGreaterThan(40);
  }, 60_000);

  test("with kill -9 in a download, and in the new one's doctor, the old one stays and the next run clears up", async () => {
    const slowDoctor = newRelease({ doctor: `touch "$HOME/asked"; while kill -0 $PPID; do sleep 0.1; done` });
    for (const [manner, place, reached] of [
      ["stalled", plain, () => server.asked.length === 2],
      ["good", slowDoctor, (at: Home) => existsSync(join(at.home, "asked"))],
    ] as const) {
      const at = newHome();
      server.asked.length = 0;
      server.folder = place;
      server.manner = [[xzIsHere ? ".xz" : native, manner]];
      const child = start(at, ["--from", base]);
      while (!reached(at)) await Bun.sleep(10);
      const second = await update(at);
      expect({ code: second.code, says: second.stderr.includes("another self-update runs") }).toEqual({
        code: 69,
        says: true,
      });
      child.kill("SIGKILL");
      await child.exited;
      expect(isOriginal(at.place)).toBe(true);
      server.folder = plain;
      server.manner = [];
      expect((await update(at)).code).toBe(0);
      expect(readdirSync(at.bin).sort()).toEqual(["mosaic-fleet", "mosaic-fleet.previous"]);
    }
  });

  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    test(`with ${signal} it ends at once and leaves nothing`, async () => {
      const at = newHome();
      server.manner = [[xzIsHere ? ".xz" : native, "stalled"]];
      const child = start(at, ["--from", base]);
      while (server.asked.length < 2) await Bun.sleep(10);
      child.kill(signal);
      expectRefused(await ended(child), at, { code, says: "interrupted" });
    });
  }
});

test("one that goes back is whole at every kill, too", async () => {
  for (let at = 0; ; at++) {
    const home = newHome({ version: "1.0.0" });
    writeProgram(home.previous, standIn({ version: "0.9.0" }));
    const faulty = faultyDisk(disk, "kill", at);
    await Promise.race([goBack({ ...hostAt(home), files: filesOn(faulty) }), faulty.gone]);
    const found = readFileSync(home.place, "utf8");
    expect([standIn({ version: "1.0.0" }), standIn({ version: "0.9.0" })]).toContain(found);
    if (at >= faulty.calls()) break;
  }
});
