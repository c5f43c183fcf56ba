import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
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
import { behindMounts, type Run, run, temporaryFolder, writeFiles } from "../support/build.ts";
import { listSums, native, newKey, type Release, smallRelease, standIn } from "../support/release.ts";
import { releaseServer } from "../support/release-server.ts";

// install.sh as scripts/release makes it, against a server on loopback, with stand-ins for the binaries.

const temporary = temporaryFolder();
const folder = (name: string) => join(temporary.path, name);
const isRoot = process.getuid?.() === 0;
const xzIsHere = Bun.which("xz") !== null;
const minisignIsHere = Bun.which("minisign") !== null;
/** A test whose name says what it takes is skipped where that is not there: scripts/setup --for-tests tries to get it. */
const withMinisign = test.skipIf(!minisignIsHere || !xzIsHere);
const asRoot = test.skipIf(!isRoot);

const VERSION = "1.2.3";
const plain: Release = smallRelease(folder("release"), { version: VERSION });
const server = releaseServer(plain.folder);
const base = `http://127.0.0.1:${server.port}`;
afterAll(() => {
  server[Symbol.dispose]();
  temporary[Symbol.dispose]();
});
beforeEach(() => {
  server.asked.length = 0;
  server.manner = [];
  server.folder = plain.folder;
});

/** What install.sh starts whatever the case. */
const always = "uname dd tr sed mkdir find rm rmdir wc sleep cat chmod mv sync cp tail id".split(" ");

/** A PATH of these programs and no other. */
function pathOf(...programs: string[]): string {
  const path = folder(`path-${programs.join("-")}`);
  if (existsSync(path)) return path;
  mkdirSync(path);
  for (const program of [...always, ...programs]) {
    const found = Bun.which(program);
    if (found) symlinkSync(found, join(path, program));
  }
  return path;
}
const usual = ["curl", "sha256sum", ...(xzIsHere ? ["xz"] : [])];

let homes = 0;
/** A new HOME, with a blank and a quote in its name. */
function newHome(): string {
  const home = folder(`home ${++homes} it's`);
  mkdirSync(home);
  return home;
}
/** Runs what follows in its HOME. */
const atHome = ["sh", "-c", 'cd "$HOME" && exec "$@"', "sh"];
const placeIn = (home: string) => join(home, ".local/bin/mosaic-fleet");

interface Given {
  readonly home?: string;
  readonly installer?: string;
  readonly shell?: readonly string[];
  readonly path?: string;
  readonly env?: Record<string, string>;
  /** What install.sh is started through, such as unshare(1). */
  readonly through?: readonly string[];
}

/** Runs install.sh to its end, while the server goes on serving; from the server unless another place is given. */
async function install(words: readonly string[], given: Given = {}): Promise<Run & { home: string }> {
  const { home = newHome(), installer = plain.installer, shell = ["dash"], path = pathOf(...usual) } = given;
  const placed = words.some((word) => /^--(base-url|from)/.test(word)) || given.installer !== undefined;
  const program = Bun.which(shell[0] ?? "") ?? "/bin/sh";
  const place = placed ? [] : ["--base-url", base];
  // Only install.sh and what it starts see the given PATH.
  const set = Object.entries({ HOME: home, PATH: path, ...given.env }).map(([name, value]) => `${name}=${value}`);
  const script = [program, ...shell.slice(1), installer, ...place, ...words];
  // timeout(1) ends what install.sh has started as well.
  const argv = ["timeout", "--signal=KILL", "30", ...(given.through ?? []), "env", "-i", ...set, ...script];
  const child = Bun.spawn(argv, {
    cwd: "/",
    env: { ...process.env, HOME: home },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  return { code: child.exitCode, stdout, stderr, home };
}

/** What is below a folder: paths, without the folders. */
function filesIn(home: string): string[] {
  return run(["find", ".", "!", "-type", "d"], { cwd: home })
    .stdout.split("\n")
    .filter(Boolean)
    .map((path) => path.slice(2))
    .sort();
}

/** Asserts that the stand-in of a target is installed, and nothing else is in HOME. */
function expectInstalled({ code, stderr, home }: Run & { home: string }, target = native): void {
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(filesIn(home)).toEqual([".local/bin/mosaic-fleet"]);
  expect(readFileSync(placeIn(home), "utf8")).toBe(standIn(VERSION, target));
  expect(statSync(placeIn(home)).mode & 0o7777).toBe(0o755);
  expect(readdirSync(join(home, ".local/bin"))).toEqual(["mosaic-fleet"]);
}

/** Asserts that it failed, said so in three lines, and left the binary of before and nothing else. */
function expectRefused({ code, stdout, stderr }: Run, home: string, wanted: { code: number; says: string }): void {
  expect(stderr).toContain(wanted.says);
  expect(stderr).toMatch(/install\.sh: .+\n {2}why: {2}.+\n {2}next: .+\n$/s);
  expect(code).toBe(wanted.code);
  expect(stdout).not.toContain("\ninstalled");
  expect(filesIn(home)).toEqual([".local/bin/mosaic-fleet"]);
  expect(readdirSync(join(home, ".local/bin"))).toEqual(["mosaic-fleet"]);
  expect(readFileSync(placeIn(home), "utf8")).toBe("the one before\n");
}

/** A HOME in which an older binary is. */
function homeWithOlder(): string {
  const home = newHome();
  writeFiles(home, { ".local/bin/mosaic-fleet": "the one before\n" });
  return home;
}

describe("from a server", () => {
  const shells = [["dash"], ["busybox", "sh"], ["bash", "--posix"], ["bash"], ["zsh"]].filter(
    ([shell]) => Bun.which(shell ?? "") !== null,
  );
  for (const shell of shells) {
    for (const fetcher of ["curl", "wget"]) {
      for (const packed of xzIsHere ? [true, false] : [false]) {
        // busybox has every program in itself: what is not on PATH is there all the same
        if (shell[0] === "busybox" && (fetcher === "curl" || !packed)) continue;
        test(`${shell.join(" ")} and ${fetcher} install ${packed ? "the .xz" : "the plain file, without xz"}`, async () => {
          const path = pathOf(fetcher, "sha256sum", ...(packed ? ["xz"] : []));
          const result = await install([], { shell, path });
          expectInstalled(result);
          expect(server.asked).toEqual([`/mosaic-fleet-${VERSION}-${native}${packed ? ".xz" : ""}`]);
          expect(result.stdout).toContain("SHA-256 good");
        });
      }
    }
  }

  test("an older binary is replaced, and one that is the release's is left alone", async () => {
    const home = homeWithOlder();
    expectInstalled(await install([], { home }));
    const { ino } = statSync(placeIn(home));
    server.asked.length = 0;
    const again = await install([], { home });
    expectInstalled(again);
    expect(again.stdout).toContain("already there");
    expect(server.asked).toEqual([]);
    expect(statSync(placeIn(home)).ino).toBe(ino);
  });

  test("nothing that it started keeps its output open after its end", async () => {
    const gaps: number[] = [];
    for (let tries = 0; tries < 3; tries++) {
      const argv = ["dash", plain.installer, "--base-url", base];
      const env = { HOME: newHome(), PATH: process.env.PATH };
      const child = Bun.spawn(argv, { env, stdout: "pipe", stderr: "inherit" });
      const closed = child.stdout.text().then(() => performance.now());
      await child.exited;
      const ended = performance.now();
      gaps.push((await closed) - ended);
    }
    expect(Math.min(...gaps)).toBeLessThan(300);
  });

  for (const umask of ["000", "077"]) {
    test(`the binary's mode is 0755 with umask ${umask} too, and nobody else may write where it was unpacked`, async () => {
      const result = await install([], { through: ["sh", "-c", `umask ${umask}; exec "$@"`, "sh"] });
      expectInstalled(result);
      expect(statSync(join(result.home, ".local/bin")).mode & 0o022).toBe(0);
    });
  }

  test("--dir, also a relative one, is installed to instead", async () => {
    const home = newHome();
    expect((await install(["--dir", "here/bin"], { home, through: atHome })).stderr).toBe("");
    expect((await install([`--dir=${home}/there`], { home })).code).toBe(0);
    expect(filesIn(home)).toEqual(["here/bin/mosaic-fleet", "there/mosaic-fleet"]);
  });

  test("--dry-run says all of it, asks the server for nothing and writes nothing", async () => {
    const result = await install(["--dry-run"]);
    expect(result).toMatchObject({ code: 0, stderr: "" });
    const sum = run(["sha256sum", `mosaic-fleet-${VERSION}-${native}`], { cwd: plain.folder }).stdout.slice(0, 64);
    for (const part of [`${base}/mosaic-fleet-${VERSION}-${native}`, sum, placeIn(result.home), "curl"])
      expect(result.stdout).toContain(part);
    expect(server.asked).toEqual([]);
    expect(readdirSync(result.home)).toEqual([]);
  });

  test("of a release without .xz files it takes the plain one", async () => {
    const { folder: place, installer } = smallRelease(folder("without-xz"), { version: VERSION, packed: false });
    server.folder = place;
    expectInstalled(await install(["--base-url", base], { installer }));
    expect(server.asked).toEqual([`/mosaic-fleet-${VERSION}-${native}`]);
  });

  test("a password in the address is used and never shown", async () => {
    const words = ["--base-url", `http://ada:se%40cret@127.0.0.1:${server.port}/vVERSION`];
    for (const [manner, more] of [
      ["good", ["--dry-run"]],
      ["gone", []],
      ["stalled", ["--timeout", "1"]],
      ["endless", []],
      ["good", []],
    ] as const) {
      server.manner = [["", manner]];
      const { stdout, stderr, code } = await install([...words, ...more]);
      expect({ manner, good: code === 0 }).toEqual({ manner, good: manner === "good" });
      expect(stdout + stderr).toContain(`http://127.0.0.1:${server.port}/v${VERSION}/`);
      expect(stdout + stderr).not.toContain("cret");
    }
    expect(server.authorized.at(-1)).toBe(`Basic ${btoa("ada:se@cret")}`);
  });

  /** A PATH whose programs write down with which words they were started, and in which the log is. */
  function watchedPath(...programs: string[]): { path: string; log: string } {
    const path = folder(`watched-${programs.join("-")}`);
    const log = `${path}.log`;
    mkdirSync(path);
    for (const program of [...always, "sha256sum", ...programs]) {
      const watched = `#!/bin/sh\nprintf '%s\\n' "$0 $*" >>${log}\nenv | grep -i cret >>${log}\nexec ${Bun.which(program)} "$@"\n`;
      writeFileSync(join(path, program), watched, { mode: 0o755 });
    }
    for (const needed of ["env", "grep"]) symlinkSync(Bun.which(needed) ?? "", join(path, needed));
    return { path, log };
  }

  for (const fetcher of ["curl", "wget"])
    for (const [manner, code] of [
      ["guarded", 0],
      ["gone", 69],
    ] as const)
      test(`no program that is started has the password in its words or its environment: ${fetcher}, ${manner}`, async () => {
        server.manner = [["", manner]];
        const { path, log } = watchedPath(fetcher);
        for (const shell of [["dash"], ["bash", "--posix"]]) {
          server.authorized.length = 0;
          const address = `http://ada:se%40cret@127.0.0.1:${server.port}/vVERSION`;
          const home = newHome();
          const variable = { home, path, shell, env: { MOSAIC_FLEET_BASE_URL: address }, installer: plain.installer };
          const result = await install([], variable);
          expect(result).toMatchObject({ code });
          if (manner === "guarded") expect(server.authorized).toEqual([`Basic ${btoa("ada:se@cret")}`]);
          else expect(result.stderr).toContain("404");
          expect(readFileSync(log, "utf8")).toContain(`/${fetcher} -`);
          expect(readFileSync(log, "utf8") + result.stdout + result.stderr).not.toContain("cret");
        }
        rmSync(path, { recursive: true });
        rmSync(log);
      });

  test("a wget that takes addresses as arguments only is given no password: 69, and nothing is asked for", async () => {
    const path = pathOf("busybox", "sha256sum");
    const home = homeWithOlder();
    const words = ["--base-url", `http://ada:se%40cret@127.0.0.1:${server.port}`];
    const result = await install(words, { home, path, shell: ["busybox", "sh"] });
    expectRefused(result, home, { code: 69, says: "cannot be given a password" });
    expect(result.stdout + result.stderr).not.toContain("cret");
    expect(server.asked).toEqual([]);
  });

  for (const words of [
    ["--base-url", "https://ada:se/cret@mirror.example/x"],
    ["--base-url", "https://ada:se cret@mirror.example/x"],
    ["--base-url", "https://ada:a@secret@mirror.example/x"],
    ["--base-url", 'https://ada:se"cret@mirror.example/x'],
    ["--base-url", "https://ada:sécret@mirror.example/x"],
    ["--base-url", "HTTPS://ada:secret@mirror.example/x"],
    ["--from", "https://ada:secret@mirror.example/x"],
    ["https://ada:secret@mirror.example/x"],
  ])
    test(`${words.join(" ")}: wrong usage, and nothing of a password is said`, async () => {
      const home = homeWithOlder();
      const result = await install(words, { home, installer: plain.installer });
      expectRefused(result, home, { code: 64, says: "" });
      expect(result.stdout + result.stderr).not.toContain("cret");
    });

  test("a password with a byte that is no character of the locale: wrong usage, and nothing of it is said", async () => {
    const installer = folder("with-a-byte.sh");
    const address = `http://ada:se\\351cret@127.0.0.1:${server.port}`;
    writeFileSync(installer, `MOSAIC_FLEET_BASE_URL=$(printf '${address}') exec sh ${plain.installer} "$@"\n`);
    const home = homeWithOlder();
    for (const fetcher of ["curl", "wget"]) {
      const path = pathOf(fetcher, "sha256sum", "sh");
      const result = await install([], { home, installer, path, env: { LC_ALL: "C.UTF-8" } });
      expectRefused(result, home, { code: 64, says: "@ as %40" });
      expect(result.stdout + result.stderr).not.toContain("cret");
      expect(server.asked).toEqual([]);
    }
  });

  test("what the user has set for xz, and what the loader complains of, does not matter", async () => {
    expectInstalled(await install([], { env: { XZ_OPT: "--format=lzma", XZ_DEFAULTS: "--memlimit=1MiB" } }));
    const { code, home } = await install([], { env: { LD_PRELOAD: "/nonexistent.so" } });
    expect(code).toBe(0);
    expect(filesIn(home)).toEqual([".local/bin/mosaic-fleet"]);
  });

  test("the word VERSION in the address stands for the version", async () => {
    expectInstalled(await install(["--base-url", `${base}/vVERSION/VERSION/`]));
    expect(server.asked[0]).toStartWith(`/v${VERSION}/${VERSION}/mosaic-fleet-`);
    const odd = await install(["--base-url", `${base}/vVERSION`, "--version", "1.0-VERSION", "--dry-run"]);
    expect(odd.stdout).toContain(`${base}/v1.0-VERSION/mosaic-fleet-1.0-VERSION-`);
  });
});

describe("what goes wrong on the way", () => {
  const asset = xzIsHere ? ".xz" : native;
  for (const [manner, code, says, shells] of [
    ["gone", 69, "404", ["dash", "busybox"]],
    ["cut", 69, "cannot download", ["dash"]],
    ["short", 65, "is not what the release has under that name", ["dash", "busybox"]],
    ["wrong", 65, "is not what the release has under that name", ["dash", "busybox"]],
    ["endless", 65, "more came than the", ["dash", "busybox"]],
    ["stalled", 69, "less than 1 kB a second came for 1 seconds", ["dash", "busybox"]],
    ["slow", 69, "less than 1 kB a second came for 1 seconds", ["dash"]],
  ] as const) {
    for (const shell of shells) {
      for (const fetcher of shell === "busybox" ? ["wget"] : ["curl", "wget"]) {
        const itself = shell === "busybox" ? "busybox's own" : "";
        test.skipIf(Bun.which(shell) === null)(`${manner}: ${itself} ${fetcher} installs nothing`, async () => {
          server.manner = [[asset, manner]];
          const home = homeWithOlder();
          const start = performance.now();
          const path = pathOf(fetcher, "sha256sum", ...(xzIsHere ? ["xz"] : []));
          const given = { home, path, shell: shell === "busybox" ? ["busybox", "sh"] : [shell] };
          const result = await install(["--timeout", "1"], given);
          // What a fetcher says of a file that was cut differs; that it must not be installed does not.
          if (manner === "cut" && result.code === 65)
            expectRefused(result, home, { code: 65, says: "is not what the release has" });
          else expectRefused(result, home, { code, says });
          expect(performance.now() - start).toBeLessThan(10_000);
        });
      }
    }
  }

  test("the folders that it has made for what has not come go again, and no other", async () => {
    server.manner = [["", "gone"]];
    const home = newHome();
    expect((await install([], { home })).code).toBe(69);
    expect(readdirSync(home)).toEqual([]);
    mkdirSync(join(home, ".local"));
    expect((await install([], { home })).code).toBe(69);
    expect(filesIn(home).length + readdirSync(join(home, ".local")).length).toBe(0);
    expect(readdirSync(home)).toEqual([".local"]);
  });

  test("a server that is not there is named, with what to try", async () => {
    const home = homeWithOlder();
    const result = await install(["--base-url", "http://127.0.0.1:1"], { home });
    expectRefused(result, home, { code: 69, says: "cannot download http://127.0.0.1:1/" });
    expect(result.stderr).toContain("--from DIR");
  });

  test("a fetcher that is content and has brought nothing is not believed", async () => {
    const lying = folder("lying");
    writeFiles(lying, { curl: "#!/bin/sh\n" });
    chmodSync(join(lying, "curl"), 0o755);
    for (const words of [[], ["--version", "1.2.9"]]) {
      const home = homeWithOlder();
      const result = await install(words, { home, path: `${lying}:${pathOf(...usual)}` });
      expectRefused(result, home, { code: 69, says: "nothing has come" });
    }
  });

  test.skipIf(!xzIsHere)("an .xz that is right and does not unpack to the release's bytes is refused", async () => {
    const spoilt = smallRelease(folder("spoilt-inside"), { version: VERSION });
    const name = `mosaic-fleet-${VERSION}-${native}`;
    const sum = (file: string) => run(["sha256sum", file], { cwd: spoilt.folder }).stdout.slice(0, 64);
    const before = sum(`${name}.xz`);
    writeFileSync(join(spoilt.folder, name), "#!/bin/sh\necho other\n");
    run(["xz", "--keep", "--force", name], { cwd: spoilt.folder });
    const size = statSync(join(spoilt.folder, `${name}.xz`)).size;
    const text = readFileSync(spoilt.installer, "utf8");
    const line = new RegExp(`${before} \\d+`);
    expect(text).toMatch(line);
    writeFileSync(spoilt.installer, text.replace(line, `${sum(`${name}.xz`)} ${size}`));
    const home = homeWithOlder();
    const result = await install(["--from", spoilt.folder], { home, installer: spoilt.installer });
    expectRefused(result, home, { code: 65, says: `${name} is not what the release has` });
  });

  for (const [signal, code] of [
    ["SIGTERM", 143],
    ["SIGINT", 130],
    ["SIGHUP", 129],
    ["SIGQUIT", 131],
    ["SIGPIPE", 141],
  ] as const) {
    test(`ended by ${signal} in the middle of a download it leaves nothing, and nothing that runs`, async () => {
      server.manner = [[asset, "stalled"]];
      const home = homeWithOlder();
      const argv = ["/bin/sh", plain.installer, "--base-url", base];
      const child = Bun.spawn(argv, { env: { HOME: home, PATH: process.env.PATH }, stdout: "pipe", stderr: "pipe" });
      while (server.asked.length === 0) await Bun.sleep(10);
      const staging = readdirSync(join(home, ".local/bin")).find((name) => name.startsWith(".mosaic-fleet-install"));
      expect(statSync(join(home, ".local/bin", staging ?? "")).mode & 0o7777).toBe(0o700);
      child.kill(signal);
      await child.exited;
      expect(child.exitCode).toBe(code);
      expect(readdirSync(join(home, ".local/bin"))).toEqual(["mosaic-fleet"]);
      expect(readFileSync(placeIn(home), "utf8")).toBe("the one before\n");
      for (let tries = 0; commandLines().some((line) => line.includes(base)) && tries < 30; tries++)
        await Bun.sleep(100);
      expect(commandLines().filter((line) => line.includes(base))).toEqual([]);
    });
  }

  test("whose reader has gone, as with head -1, it leaves nothing either", async () => {
    const home = homeWithOlder();
    const script = '{ /bin/sh "$0" --base-url "$1"; echo $? >"$HOME/code"; } | head -n 1';
    const child = Bun.spawn(["sh", "-c", script, plain.installer, base], {
      env: { HOME: home, PATH: process.env.PATH },
      stdout: "ignore",
      stderr: "ignore",
    });
    await child.exited;
    expect(readFileSync(join(home, "code"), "utf8")).toBe("141\n");
    expect(readdirSync(join(home, ".local/bin"))).toEqual(["mosaic-fleet"]);
  });

  function commandLines(): string[] {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => {
        try {
          return readFileSync(`/proc/${pid}/cmdline`, "utf8");
        } catch {
          return ""; // it has ended
        }
      });
  }

  test("what a killed one left a day ago is cleared away, what another has just begun is not", async () => {
    const home = newHome();
    writeFiles(join(home, ".local/bin"), { ".mosaic-fleet-install.1/x": "", ".mosaic-fleet-install.2/x": "" });
    run(["touch", "-d", "2 days ago", join(home, ".local/bin/.mosaic-fleet-install.1")]);
    expect((await install([], { home })).code).toBe(0);
    expect(readdirSync(join(home, ".local/bin")).sort()).toEqual([".mosaic-fleet-install.2", "mosaic-fleet"]);
  });

  asRoot("what one of the same number left just now is not in its way, as in a container", async () => {
    const home = newHome();
    writeFiles(join(home, ".local/bin"), { ".mosaic-fleet-install.1/x": "" });
    const through = ["unshare", "--pid", "--fork", "--kill-child"];
    expect(await install([], { home, through })).toMatchObject({ code: 0, stderr: "" });
    expect(readdirSync(join(home, ".local/bin")).sort()).toEqual([".mosaic-fleet-install.1", "mosaic-fleet"]);
  });
});

describe("an install.sh that was itself cut off", () => {
  const whole = readFileSync(plain.installer, "utf8");
  const last = whole.trimEnd().lastIndexOf("\n");
  const cuts = [
    ...[...whole.matchAll(/\n/g)].map(({ index }) => index).filter((_, line) => line % 12 === 0),
    ...Array.from({ length: whole.trimEnd().length - last }, (_, more) => last + more),
  ];

  test("does nothing, wherever it was cut; whole it installs", async () => {
    const home = newHome();
    const cut = folder("cut.sh");
    const words = ["--base-url", base];
    for (const length of cuts) {
      writeFileSync(cut, whole.slice(0, length));
      const { stdout, stderr } = await install(words, { installer: cut, home });
      expect(stderr).not.toContain("install.sh: ");
      expect({ length, stdout, home: readdirSync(home), asked: server.asked }).toEqual({
        length,
        stdout: "",
        home: [],
        asked: [],
      });
    }
    writeFileSync(cut, whole.trimEnd());
    expectInstalled(await install(words, { installer: cut, home }));
  });

  test("comes in through a pipe, as from curl", async () => {
    const home = newHome();
    const through = ["sh", "-c", `cat ${plain.installer} | /bin/sh -s -- --base-url ${base}`];
    expectInstalled(await install([], { home, through, path: process.env.PATH ?? "" }));
  });
});

describe("without what it takes", () => {
  for (const tool of ["sha256sum", "shasum", "openssl", "busybox"]) {
    test.skipIf(Bun.which(tool) === null)(`${tool} alone is enough to verify, and does verify`, async () => {
      const path = pathOf("curl", tool, "perl");
      expectInstalled(await install([], { path }));
      server.manner = [[native, "wrong"]];
      const home = homeWithOlder();
      expectRefused(await install([], { path, home }), home, { code: 65, says: "is not what the release has" });
    });
  }

  for (const [what, tools] of [
    ["no tool that hashes", {}],
    ["one that says nothing", { sha256sum: "exit 0" }],
    ["one that always says the same", { sha256sum: `echo ${"0".repeat(64)}` }],
    ["one that fails", { shasum: "exit 1" }],
  ] as const) {
    test(`with ${what} it installs nothing and asks for nothing`, async () => {
      const path = folder(`path with ${what}`);
      run(["cp", "-a", pathOf("curl"), path]);
      for (const [name, script] of Object.entries(tools)) {
        writeFiles(path, { [name]: `#!/bin/sh\n${script}\n` });
        chmodSync(join(path, name), 0o755);
      }
      const home = homeWithOlder();
      expectRefused(await install([], { path, home }), home, { code: 69, says: "cannot verify" });
      expect(server.asked).toEqual([]);
    });
  }

  for (const [what, env, code, says] of [
    ["a PATH that is empty", { PATH: "" }, 69, "cannot do without uname"],
    ["a HOME that is no whole path", { HOME: "rel" }, 64, "HOME is rel, which is no whole path"],
    ["no HOME", { HOME: "" }, 64, "HOME is not set"],
  ] as const)
    test(`with ${what} it says so, and makes nothing`, async () => {
      const home = newHome();
      const given = { home, env, through: ["env", `--chdir=${home}`] };
      const { code: ended, stdout, stderr } = await install([], given);
      expect({ ended, stdout }).toEqual({ ended: code, stdout: "" });
      expect(stderr).toContain(says);
      expect(stderr).toMatch(/^install\.sh: .+\n {2}why: {2}.+\n {2}next: .+\n$/);
      expect(readdirSync(home)).toEqual([]);
    });

  test("in / as HOME it is in /.local/bin", async () => {
    const { stdout } = await install(["--dry-run"], { env: { HOME: "/" } });
    expect(stdout).toContain("  to       /.local/bin/mosaic-fleet\n");
  });

  for (const [where, redirect] of [
    ["that is full", ">/dev/full"],
    ["that is closed", ">&-"],
  ] as const)
    test(`with a stdout ${where} it installs, and says that not all is said: 74`, async () => {
      const result = await install(["--no-doctor"], { through: ["sh", "-c", `exec "$@" ${redirect}`, "sh"] });
      expect(result).toMatchObject({ code: 74, stderr: expect.stringContaining("stdout cannot be written") });
      expect(filesIn(result.home)).toEqual([".local/bin/mosaic-fleet"]);
    });

  test("with neither curl nor wget it says so", async () => {
    const home = homeWithOlder();
    const result = await install([], { home, path: pathOf("sha256sum") });
    expectRefused(result, home, { code: 69, says: "neither curl nor wget" });
  });

  for (const [machine, says] of [
    ["riscv64", "no binary for riscv64"],
    ["armv7l", "no binary for armv7l"],
  ] as const) {
    test(`on ${machine} it says that there is no binary`, async () => {
      const home = homeWithOlder();
      expectRefused(await install([], { home, path: pathOn(machine) }), home, { code: 69, says });
    });
  }

  test("on aarch64 it takes arm64's binary, on another system none", async () => {
    const result = await install(["--dry-run"], { path: pathOn("aarch64") });
    expect(result.stdout).toContain(`mosaic-fleet-${VERSION}-linux-arm64`);
    const home = homeWithOlder();
    const elsewhere = await install([], { home, path: pathOn("arm64", "Darwin") });
    expectRefused(elsewhere, home, { code: 69, says: "this is Darwin, not Linux" });
  });

  /** A PATH on which uname(1) tells of another machine. */
  function pathOn(machine: string, system = "Linux"): string {
    const path = folder(`path-on-${machine}`);
    run(["cp", "-a", pathOf(...usual), path]);
    rmSync(join(path, "uname"));
    writeFiles(path, { uname: `#!/bin/sh\ncase $1 in -s) echo ${system} ;; -m) echo ${machine} ;; esac\n` });
    chmodSync(join(path, "uname"), 0o755);
    return path;
  }

  test("a release without this machine's binary says which it has", async () => {
    const part = folder("part");
    mkdirSync(part);
    const name = `mosaic-fleet-${VERSION}-linux-x64-musl`;
    copyFileSync(join(plain.folder, name), join(part, name));
    const text = run([process.execPath, "scripts/release-installer.ts", part, VERSION]).stdout;
    writeFileSync(`${part}.install.sh`, text);
    const home = homeWithOlder();
    const result = await install(["--libc", "glibc", "--from", part], { home, installer: `${part}.install.sh` });
    expectRefused(result, home, { code: 69, says: "it was made for: linux-x64-musl" });
  });

  for (const [words, says] of [
    [["--frob"], "unknown: --frob"],
    [["--dir"], "--dir takes a value"],
    [["--version", "1/../2"], "is not a version"],
    [["--timeout", "soon"], "whole seconds"],
    [["--timeout", "99999999999999999999"], "whole seconds"],
    [["--libc", "uclibc"], "glibc or musl"],
    [["--base-url", "ftp://x"], "starts with https://"],
    [["--from", "/", "--base-url", base], "two places"],
  ] as const) {
    test(`${words.join(" ")}: wrong usage`, async () => {
      const home = homeWithOlder();
      expectRefused(await install(words, { home }), home, { code: 64, says });
    });
  }

  test("--help names every option", async () => {
    const { stdout, code } = await install(["--help"]);
    expect(code).toBe(0);
    for (const option of readFileSync(plain.installer, "utf8").matchAll(/^\t(?:\t| {2})?(--[a-z-]+)/gm))
      expect(stdout).toContain(option[1] ?? "");
  });
});

describe("which C library", () => {
  const busybox = Bun.which("busybox");
  const isStatic = busybox !== null && !run(["file", "-L", busybox]).stdout.includes("interpreter");

  /** What a system whose root holds these files would get; /bin/sh is only read, busybox runs the script. */
  async function chosenIn(name: string, files: Readonly<Record<string, string>>): Promise<string> {
    const root = folder(`root-${name}`);
    writeFiles(root, { ...files, "dev/null": "" });
    copyFileSync(busybox ?? "", join(root, "busybox"));
    // Through which busybox starts itself as another program.
    mkdirSync(join(root, "proc/self"), { recursive: true });
    symlinkSync("/busybox", join(root, "proc/self/exe"));
    copyFileSync(plain.installer, join(root, "install.sh"));
    const argv = ["chroot", root, "/busybox", "sh", "/install.sh", "--dry-run", "--base-url", base, "--dir", "/bin"];
    const { stdout, stderr } = run(argv, { env: { PATH: `${process.env.PATH}` } });
    return /for (linux-\S+)/.exec(stdout)?.[1] ?? /: (.*)\n/.exec(stderr)?.[1] ?? "";
  }
  const loaders = { x64: ["/lib64/ld-linux-x86-64.so.2", "x86_64"], arm64: ["/lib/ld-linux-aarch64.so.1", "aarch64"] };
  const [glibc = "", machine = ""] = loaders[process.arch as "x64"] ?? [];
  const musl = `/lib/ld-musl-${machine}.so.1`;

  for (const [name, files, target] of [
    ["musl, as Alpine is", { "bin/sh": `\x7fELF\0\0${musl}\0libc`, [musl]: "" }, `${native}-musl`],
    ["musl with a glibc layer", { "bin/sh": `\x7fELF\0${musl}\0`, [musl]: "", [glibc]: "" }, `${native}-musl`],
    ["glibc with musl beside it", { "bin/sh": `\x7fELF\0${glibc}\0`, [musl]: "", [glibc]: "" }, native],
    ["a static shell and musl", { "bin/sh": "\x7fELF\0", [musl]: "" }, `${native}-musl`],
    ["a static shell, and both", { "bin/sh": "\x7fELF\0", [musl]: "", [glibc]: "" }, native],
    ["32 bits", { "bin/sh": "\x7fELF\0/lib/ld-linux.so.2\0" }, "this is a 32-bit system"],
  ] as const) {
    test.skipIf(!isRoot || !isStatic)(`${name} (as root, with a static busybox)`, async () => {
      expect(await chosenIn(name, files)).toBe(target);
    });
  }

  test("--libc overrules it", async () => {
    expectInstalled(await install(["--libc", "musl"]), `${native}-musl`);
  });
});

describe("the place", () => {
  test("a link is refused, whether it points to something or not", async () => {
    for (const to of ["elsewhere", "nowhere"]) {
      const home = newHome();
      writeFiles(home, { ".local/bin/elsewhere": "theirs" });
      symlinkSync(to, placeIn(home));
      const { code, stderr } = await install([], { home });
      expect({ code, is: stderr.includes("is a link") }).toEqual({ code: 73, is: true });
      expect(readlinkSync(placeIn(home))).toBe(to);
      expect(filesIn(home)).toEqual([".local/bin/elsewhere", ".local/bin/mosaic-fleet"]);
      expect(readFileSync(join(home, ".local/bin/elsewhere"), "utf8")).toBe("theirs");
    }
  });

  test("a folder in its place, a file or a link to nothing in the folder's place are refused", async () => {
    for (const [says, make] of [
      ["is not a file", (home: string) => mkdirSync(placeIn(home), { recursive: true })],
      ["is not a folder", (home: string) => writeFiles(home, { ".local/bin": "" })],
      [
        "is a link to nothing",
        (home: string) => {
          mkdirSync(join(home, ".local"));
          symlinkSync("/nonexistent/bin", join(home, ".local/bin"));
        },
      ],
    ] as const) {
      const home = newHome();
      make(home);
      const before = run(["find", "."], { cwd: home }).stdout;
      const { code, stderr } = await install([], { home });
      expect({ code, says: stderr.includes(says) && says }).toEqual({ code: 73, says });
      expect(run(["find", "."], { cwd: home }).stdout).toBe(before);
      expect(server.asked).toEqual([]);
    }
  });

  test("a folder that may not be written is found before anything is downloaded", async () => {
    const home = homeWithOlder();
    run(["chmod", "555", join(home, ".local/bin")]);
    const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const result = await install([], { home, through: isRoot ? nobody : [] });
    expectRefused(result, home, { code: 73, says: "cannot write in" });
    expect(server.asked).toEqual([]);
    run(["chmod", "755", join(home, ".local/bin")]);
  });

  asRoot("root that has a user's HOME from sudo puts nothing there, but where it is told to (as root)", async () => {
    const home = homeWithOlder();
    run(["chown", "-R", "65534", home]);
    const env = { SUDO_UID: "65534" };
    const result = await install([], { home, env });
    expectRefused(result, home, { code: 73, says: "run it without sudo" });
    expect(server.asked).toEqual([]);
    expect((await install(["--dir", `${home}/there`], { home, env })).code).toBe(0);
    run(["chown", "-R", "0", home]);
    expect((await install([], { home, env })).code).toBe(0);
  });

  asRoot("a read-only file system, as root too (as root)", async () => {
    const home = homeWithOlder();
    const bin = join(home, ".local/bin").replace("'", "'\\''");
    const through = behindMounts(`mount --bind '${bin}' '${bin}' && mount -o remount,ro,bind '${bin}'`);
    const result = await install([], { home, through });
    expectRefused(result, home, { code: 73, says: "cannot write in" });
  });

  asRoot("a temporary folder where nothing may run, and nothing be written, does not matter (as root)", async () => {
    const tmp = folder("tmp");
    mkdirSync(tmp, { recursive: true });
    const through = behindMounts(`mount -t tmpfs -o noexec,ro none '${tmp}'`);
    const given = { through, env: { TMPDIR: tmp } };
    expectInstalled(await install([], given));
  });

  asRoot("where nothing may run in the folder itself, the older one stays (as root)", async () => {
    const home = newHome();
    const bin = join(home, ".local/bin");
    mkdirSync(bin, { recursive: true });
    const quoted = bin.replace("'", "'\\''");
    const look = `ls -A '${quoted}'; cat '${quoted}/mosaic-fleet'`;
    const mount = `mount -t tmpfs -o noexec none '${quoted}' && echo before >'${quoted}/mosaic-fleet'`;
    const through = behindMounts(mount, `{ "$@"; code=$?; ${look}; exit $code; }`);
    const result = await install([], { home, through });
    expect(result.code).toBe(69);
    expect(result.stderr).toContain("the binary does not run here");
    expect(result.stdout).toEndWith("\nmosaic-fleet\nbefore\n");
  });

  asRoot("a full disk is said, and the older one stays (as root)", async () => {
    const home = newHome();
    const bin = join(home, ".local/bin");
    mkdirSync(bin, { recursive: true });
    const quoted = bin.replace("'", "'\\''");
    const look = `ls -A '${quoted}'; cat '${quoted}/mosaic-fleet'`;
    const mount = `mount -t tmpfs -o size=24k none '${quoted}' && echo before >'${quoted}/mosaic-fleet'`;
    const through = behindMounts(mount, `{ "$@"; code=$?; ${look}; exit $code; }`);
    const result = await install([], { home, through });
    expect(result.stderr).toMatch(/No space left|cannot download|cannot unpack/);
    expect([69, 73]).toContain(result.code ?? -1);
    expect(result.stdout).toEndWith("\nmosaic-fleet\nbefore\n");
  });
});

describe("PATH", () => {
  test("the line to type is printed where the folder is not in it, and does what it should", async () => {
    const { stdout, home } = await install([]);
    const line = stdout.split("\n").find((text) => text.includes("export PATH=")) ?? "";
    const typed = run(["sh", "-c", `${line}; command -v mosaic-fleet && mosaic-fleet --version`], {
      env: { PATH: "/usr/bin:/bin" },
    });
    expect(typed.stdout).toBe(`${placeIn(home)}\n${VERSION}\n`);
  });

  test("for fish it is fish's own command; where the folder is in PATH nothing is printed", async () => {
    const { stdout } = await install([], { env: { SHELL: "/usr/bin/fish" } });
    expect(stdout).toContain("  fish_add_path '");
    const home = newHome();
    const result = await install([], { home, path: `${join(home, ".local/bin")}:${pathOf(...usual)}` });
    expectInstalled(result);
    expect(result.stdout).not.toContain("PATH");
    const slash = await install(["--dir", "here"], {
      home,
      path: `${home}/here/:${pathOf(...usual)}`,
      through: atHome,
    });
    expect(slash).toMatchObject({ code: 0, stderr: "" });
    expect(slash.stdout).not.toContain("PATH");
  });

  test("a folder that no PATH can hold is not said to be one", async () => {
    const { code, stdout, home } = await install(["--dir", "a:b"], { through: atHome });
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.not.stringContaining("export") });
    const typed = stdout.split("To run it: ").at(-1)?.split("\n")[0] ?? "";
    expect(run(["sh", "-c", `${typed} --version`], { cwd: home }).stdout).toBe(`${VERSION}\n`);
  });

  test("another mosaic-fleet that is found first is named; the same one through a link, or a later one, is not", async () => {
    const other = folder("other-bin");
    writeFiles(other, { "mosaic-fleet": "#!/bin/sh\n" });
    chmodSync(join(other, "mosaic-fleet"), 0o755);
    const shadowed = await install([], { path: `${other}:${pathOf(...usual)}` });
    expect(shadowed.code).toBe(0);
    expect(shadowed.stderr).toContain(`is found as ${other}/mosaic-fleet first`);

    const home = newHome();
    symlinkSync(join(home, ".local/bin"), join(home, "link"));
    const same = await install([], { home, path: `${home}/link:${other}:${pathOf(...usual)}` });
    expect(same).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("the doctor", () => {
  test("is run at the end; what it finds is shown and does not fail the install", async () => {
    for (const [exit, says] of [
      ["0", `doctor of ${native}\n`],
      ["1", "(doctor ended with 1: something is not right"],
      ["2", "(doctor ended with 2: it could not tell"],
    ] as const) {
      const result = await install([], { env: { DOCTOR_EXIT: exit } });
      expectInstalled(result);
      expect(result.stdout).toContain(`doctor of ${native}\n`);
      expect(result.stdout).toContain(says);
    }
  });

  test("is not run with --no-doctor", async () => {
    const result = await install(["--no-doctor"]);
    expectInstalled(result);
    expect(result.stdout).not.toContain("doctor");
  });
});

describe("from a folder", () => {
  const from = (name: string, files: readonly string[]) => {
    for (const file of files) writeFiles(folder(name), { [file]: "" });
    for (const file of files) copyFileSync(join(plain.folder, file), join(folder(name), file));
    return folder(name);
  };
  const file = `mosaic-fleet-${VERSION}-${native}`;

  for (const [what, files] of [
    ["the .xz", xzIsHere ? [`${file}.xz`] : [file]],
    ["the plain file", [file]],
  ] as const) {
    asRoot(`${what} alone is enough, without a network, curl or wget (as root)`, async () => {
      const path = pathOf("sha256sum", ...(xzIsHere ? ["xz"] : []));
      const place = from(`from ${what}`, files);
      expectInstalled(await install(["--from", place], { path, through: ["unshare", "--net"] }));
    });
  }

  test("a folder whose name starts with - is a folder", async () => {
    const place = from("-f", [file]);
    const through = ["sh", "-c", `cd '${folder("")}' && exec "$@"`, "sh"];
    expectInstalled(await install(["--from", `${place.slice(place.lastIndexOf("/") + 1)}`], { through }));
  });

  test("what is a pipe, a device, or larger than it can be, is neither waited for nor copied", async () => {
    for (const [what, make, says] of [
      ["pipe", ["mkfifo"], "it is no file"],
      ["device", ["ln", "-s", "/dev/zero"], "it is no file"],
      ["huge", ["truncate", "--size=1G"], "it is larger than the"],
    ] as const) {
      const place = folder(`from a ${what}`);
      mkdirSync(place);
      run([...make, join(place, file)]);
      const home = homeWithOlder();
      expectRefused(await install(["--from", place], { home }), home, { code: 65, says });
    }
  });

  asRoot("a file that may not be read is said to be that, and so is a binary in its place (as root)", async () => {
    const place = from("from-unreadable", [file]);
    const home = homeWithOlder();
    run(["chown", "-R", "65534", home]);
    const through = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    chmodSync(join(place, file), 0o000);
    const refused = await install(["--from", place], { home, through });
    expectRefused(refused, home, { code: 69, says: "Permission denied" });
    chmodSync(join(place, file), 0o644);
    chmodSync(placeIn(home), 0o000);
    expectInstalled(await install(["--from", place], { home, through }));
  });

  test("what is not there, or is other bytes, is refused", async () => {
    for (const [place, code, says] of [
      [folder("nowhere"), 69, "there is no folder"],
      [from("from-nothing", ["SHA256SUMS"]), 69, `cannot take ${file}`],
    ] as const) {
      const home = homeWithOlder();
      expectRefused(await install(["--from", place], { home }), home, { code, says });
    }
    const spoilt = from("from-spoilt", [file]);
    writeFileSync(join(spoilt, file), standIn(VERSION, native).replace("# ", "#x"));
    const home = homeWithOlder();
    expectRefused(await install(["--from", spoilt], { home }), home, { code: 65, says: "is not what the release has" });
  });
});

describe("https", () => {
  const tlsIsHere = Bun.which("openssl") !== null;
  const subject = "-x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost";
  const [key, cert] = [folder("tls.key"), folder("tls.crt")];
  if (tlsIsHere) run(["openssl", "req", ...subject.split(" "), "-keyout", key, "-out", cert]);
  const keys = () => ({ key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") });

  test.skipIf(!tlsIsHere)(
    "is used by itself, held to when it redirects, and its certificate is looked at",
    async () => {
      using safe = releaseServer(plain.folder, keys());
      const own = `https://localhost:${safe.port}/vVERSION`;
      const { installer } = smallRelease(folder("release-with-address"), { version: VERSION, baseUrl: own });
      const env = { CURL_CA_BUNDLE: cert };
      expectInstalled(await install([], { installer, env }));

      safe.redirectTo = base;
      safe.manner = [["", "elsewhere"]];
      const home = homeWithOlder();
      expectRefused(await install([], { installer, env, home }), home, { code: 69, says: "cannot download https://" });
      expect(server.asked).toEqual([]);

      safe.manner = [];
      const unknown = await install([], { installer, home, env: { CURL_CA_BUNDLE: "/dev/null" } });
      expectRefused(unknown, home, { code: 69, says: "cannot download https://" });
    },
  );

  test.skipIf(!tlsIsHere)("wget keeps no list of the servers that it was at in HOME", async () => {
    using safe = releaseServer(plain.folder, keys());
    const home = newHome();
    writeFiles(home, { ".wgetrc": `ca_certificate = ${cert}\n` });
    const path = pathOf("wget", "sha256sum", ...(xzIsHere ? ["xz"] : []));
    const result = await install(["--base-url", `https://localhost:${safe.port}`], { home, path });
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(filesIn(home)).toEqual([".local/bin/mosaic-fleet", ".wgetrc"]);
  });

  test("without an address of its own it asks for one", async () => {
    const home = homeWithOlder();
    const result = await install([], { home, installer: plain.installer });
    expectRefused(result, home, { code: 64, says: "give --base-url URL, or --from DIR" });
  });
});

describe("the signature (takes minisign and xz)", () => {
  const key = minisignIsHere ? newKey(folder("keys")) : { secret: "", public: "" };
  const signed = minisignIsHere ? smallRelease(folder("signed"), { version: VERSION, key }) : plain;
  const path = pathOf(...usual, "minisign");

  /** The signed release, with something about it spoilt; its server is the one of all. */
  function spoilt(name: string, spoil: (place: string) => void): Given & { home: string } {
    const place = folder(`signed-${name}`);
    run(["cp", "-a", signed.folder, place]);
    spoil(place);
    server.folder = place;
    return { home: homeWithOlder(), installer: signed.installer, path };
  }
  const words = ["--base-url", base];

  withMinisign("is checked where minisign is", async () => {
    const result = await install(
      words,
      spoilt("good", () => {}),
    );
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(result.stdout).toContain("signature good (minisign)");
    expect(server.asked.map((asked) => asked.split("/").at(-1))).toEqual([
      "SHA256SUMS",
      "SHA256SUMS.minisig",
      `mosaic-fleet-${VERSION}-${native}.xz`,
    ]);
  });

  for (const [what, code, says, spoil] of [
    ["missing", 69, "cannot download", (place) => rmSync(join(place, "SHA256SUMS.minisig"))],
    ["of other sums", 65, "minisign says: Signature verification failed\n", (place) => listAgain(place)],
    [
      "of another key",
      65,
      "but the key id in the public key is ",
      (place) => listSums({ folder: place, key: newKey(folder("other-keys")) }),
    ],
    [
      "of another release",
      65,
      "the signed list has another sum",
      (place) => {
        writeFileSync(join(place, `mosaic-fleet-${VERSION}-${native}.xz`), "other");
        listSums({ folder: place, key });
      },
    ],
  ] as [string, number, string, (place: string) => void][]) {
    withMinisign(`${what}: nothing is installed`, async () => {
      const given = spoilt(what, spoil);
      expectRefused(await install(words, given), given.home, { code, says });
    });
  }

  function listAgain(place: string): void {
    writeFileSync(join(place, "SHA256SUMS"), `${"0".repeat(64)}  mosaic-fleet-${VERSION}-${native}\n`, { flag: "a" });
  }

  withMinisign("is not asked for without minisign, and then --require-signature fails", async () => {
    const given = spoilt("none", (place) => rmSync(join(place, "SHA256SUMS.minisig")));
    const without = { ...given, path: pathOf(...usual) };
    const refused = await install([...words, "--require-signature"], without);
    expectRefused(refused, given.home, { code: 69, says: "minisign is not here" });
    expect(server.asked).toEqual([]);
    expectInstalled(await install(words, without));
  });

  test("of a release that has none cannot be required", async () => {
    const home = homeWithOlder();
    const result = await install(["--require-signature"], { home });
    expectRefused(result, home, { code: 65, says: "there is no signature to check" });
  });

  describe("of another version", () => {
    const other = "1.3.0";
    const release = minisignIsHere ? smallRelease(folder("other"), { version: other, key }) : plain;
    const wanted = ["--base-url", base, "--version", `v${other}`];

    withMinisign("its sums come signed from the server", async () => {
      server.folder = release.folder;
      const { code, home } = await install(wanted, { installer: signed.installer, path });
      expect(code).toBe(0);
      expect(readFileSync(placeIn(home), "utf8")).toBe(standIn(other, native));
    });

    withMinisign("it is not taken over plain http where the signature cannot be checked", async () => {
      server.folder = release.folder;
      const home = homeWithOlder();
      const result = await install(wanted, { installer: signed.installer, home });
      expectRefused(result, home, { code: 69, says: `cannot know that ${other} is genuine` });
    });

    withMinisign("wrong bytes under a signed list are refused, and so is a version that the list has not", async () => {
      const place = folder("other-spoilt");
      run(["cp", "-a", release.folder, place]);
      const file = `mosaic-fleet-${other}-${native}.xz`;
      copyFileSync(join(place, `mosaic-fleet-${other}-${native}-musl.xz`), join(place, file));
      server.folder = place;
      const given = { installer: signed.installer, home: homeWithOlder(), path };
      expectRefused(await install(wanted, given), given.home, { code: 65, says: `${file} is not what` });
      const missing = await install(["--base-url", base, "--version", "9.9.9"], given);
      expectRefused(missing, given.home, { code: 69, says: "SHA256SUMS does not list it" });
    });

    for (const [what, code, list] of [
      ["lines that end as on Windows, and one twice", 0, (sums: string) => (sums + sums).replaceAll("\n", "\r\n")],
      [
        "another sum for one name",
        65,
        (sums: string) => sums + sums.replaceAll(/^./gm, (c) => (c === "0" ? "1" : "0")),
      ],
      ["no end of its last line", 69, (sums: string) => sums.trimEnd().split("\n").reverse().join("\n").slice(0, 80)],
    ] as const)
      withMinisign(`a list with ${what}: ${code === 0 ? "taken" : "not taken"}`, async () => {
        const place = folder(`other ${what}`);
        run(["cp", "-a", release.folder, place]);
        const path = join(place, "SHA256SUMS");
        writeFileSync(path, list(readFileSync(path, "utf8")));
        const home = homeWithOlder();
        const result = await install(["--from", place, "--version", other], { installer: signed.installer, home });
        if (code === 0)
          expect({ code: result.code, is: readFileSync(placeIn(home), "utf8") }).toEqual({
            code,
            is: standIn(other, native),
          });
        else
          expectRefused(result, home, { code, says: code === 65 ? "is not what the release has" : "does not list it" });
      });

    withMinisign("from a folder it is taken on the folder's word, and that is said", async () => {
      const given = { installer: signed.installer };
      const result = await install(["--from", release.folder, "--version", other], given);
      expect(result.code).toBe(0);
      expect(result.stderr).toContain("they show that it is whole, not whose it is");
    });
  });
});
