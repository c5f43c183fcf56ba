import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { run, temporaryFolder, tree, writeFiles } from "../support/build.ts";
import { copyOfTree, newKey } from "../support/release.ts";

// What scripts/release makes, and whether it runs.

const { version, devDependencies } = await Bun.file(join(tree, "package.json")).json();
const temporary = temporaryFolder();
afterAll(() => temporary[Symbol.dispose]());
const folder = (name: string) => join(temporary.path, name);
const isRoot = process.getuid?.() === 0;

const everyTarget = ["linux-arm64", "linux-arm64-musl", "linux-x64", "linux-x64-musl"];
const targets = everyTarget;
const native = `linux-${process.arch}`;
const made = folder("made");
const file = (target: string, where = made) => join(where, `mosaic-fleet-${version}-${target}`);
const architectures = { "linux-arm64": "arm64", "linux-x64": "amd64" };
const debian = architectures[native as keyof typeof architectures];
const deb = (architecture: string, where = made) => join(where, `mosaic-fleet_${version}_${architecture}.deb`);

const minisignIsHere = Bun.which("minisign") !== null;
const addresses = ["--base-url", "https://example.org/vVERSION", "--update-url", "https://example.org/latest"];
const key = minisignIsHere ? newKey(folder("keys")) : undefined;
const environment = {
  ...process.env,
  SOURCE_DATE_EPOCH: "1700000000",
  DEBFULLNAME: "Ada Lovelace",
  DEBEMAIL: "ada@example.net",
  ...(key ? { MINISIGN_SECRET_KEY: key.secret } : {}),
};

/** Runs to its end, which must be good; others go on meanwhile. */
async function must(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const child = Bun.spawn([...argv], { cwd: "/", env, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  expect({ stderr: await child.stderr.text(), code: await child.exited }).toMatchObject({ code: 0 });
}

// The runtimes come from the registry, which is asked through npm, so that its configuration applies.
const reachable =
  Bun.which("npm") !== null &&
  run(["npm", "view", `bun@${devDependencies.bun}`, "version"], { timeoutMs: 20_000 }).stdout !== "";

const toolsAreHere = Bun.which("xz") !== null && Bun.which("dpkg-deb") !== null;
describe.skipIf(!reachable || !toolsAreHere)("a release (takes npm's registry, xz and dpkg-deb)", () => {
  const packed = folder("packed");
  /** What lintian says, which takes longer than any test: it goes on beside them. It leaves a folder of its own behind, in ours. */
  let linted: ReturnType<typeof startLintian> | undefined;
  function startLintian() {
    const TMPDIR = folder("lintian");
    mkdirSync(TMPDIR);
    const argv = ["lintian", "--fail-on", "error", "--allow-root", deb(debian, packed)];
    return Bun.spawn(argv, { env: { ...process.env, TMPDIR }, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  }
  beforeAll(async () => {
    writeFiles(temporary.path, { [`.release.${2 ** 30}.killed/of a run that was killed`]: "" });
    const script = join(tree, "scripts/release");
    const other = join(copyOfTree(folder("quite/another place")), "scripts/release");
    const words = ["--xz", "none", ...addresses, ...targets];
    const { MINISIGN_SECRET_KEY: _, ...unsigned } = environment as NodeJS.ProcessEnv;
    await Promise.all([
      must([script, "--out", made, ...words], environment),
      must(["sh", "-c", `umask 077; exec "$@"`, "sh", other, "--out", folder("again"), ...words], {
        ...environment,
        TZ: "Pacific/Chatham",
        LC_ALL: "C",
      }),
      must([script, "--out", packed, "--xz", "0", native], unsigned).then(() => {
        if (Bun.which("lintian")) linted = startLintian();
      }),
    ]);
  }, 180_000);

  const signatures = key ? ["SHA256SUMS.minisig", "install.sh.minisig"] : [];
  const debs = Object.values(architectures).map((architecture) => basename(deb(architecture)));
  const others = [...debs, `mosaic-fleet-${version}.cdx.json`, "install.sh", "SHA256SUMS", ...signatures];

  test("holds a binary of each target, packages for Debian, sums, a bill of materials and install.sh, for everyone to read", () => {
    const names = targets.map((target) => `mosaic-fleet-${version}-${target}`);
    expect(readdirSync(made).sort()).toEqual([...names, ...others].sort());
    for (const name of readdirSync(made)) {
      const executable = names.includes(name) || name === "install.sh";
      expect([name, statSync(join(made, name)).mode & 0o777]).toEqual([name, executable ? 0o755 : 0o644]);
    }
    expect(readdirSync(dirname(made)).filter((name) => name.startsWith(".release"))).toEqual([]);
  });

  test("SHA256SUMS lists every file but itself and what signs it, and is right", () => {
    expect(run(["sha256sum", "--check", "--strict", "SHA256SUMS"], { cwd: made }).code).toBe(0);
    const listed = [...readFileSync(join(made, "SHA256SUMS"), "utf8").matchAll(/\S+$/gm)].map(([name]) => name);
    expect(listed.sort()).toEqual(
      readdirSync(made)
        .filter((name) => !/^SHA256SUMS|minisig$/.test(name))
        .sort(),
    );
  });

  test.skipIf(!key)("SHA256SUMS and install.sh are signed, and install.sh knows the key (takes minisign)", () => {
    for (const name of ["SHA256SUMS", "install.sh"]) {
      const { code, stdout } = run(["minisign", "-V", "-P", key?.public ?? "", "-m", join(made, name)]);
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining(`mosaic-fleet ${version}`) });
    }
    expect(readFileSync(join(made, "install.sh"), "utf8")).toContain(`public_key='${key?.public}'`);
  });

  test("each binary is of the machine and the C library that its name says", () => {
    const machines = { x64: 62, arm64: 183 };
    const loaders = {
      "linux-x64": "/lib64/ld-linux-x86-64.so.2",
      "linux-x64-musl": "/lib/ld-musl-x86_64.so.1",
      "linux-arm64": "/lib/ld-linux-aarch64.so.1",
      "linux-arm64-musl": "/lib/ld-musl-aarch64.so.1",
    };
    for (const target of targets) {
      const head = readFileSync(file(target)).subarray(0, 4096);
      const loader = /\/lib[\w./-]*ld-[\w.-]+/.exec(head.toString("latin1"))?.[0];
      const machine = machines[target.includes("arm64") ? "arm64" : "x64"];
      expect([target, head.readUInt16LE(18), loader]).toEqual([target, machine, loaders[target as "linux-x64"]]);
    }
  });

  test("the same again, in another folder, under another umask and locale, is the same bytes", () => {
    expect(run(["diff", "-r", made, folder("again")])).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  /** The packages that src/ imports, types aside. */
  function importedPackages(): string[] {
    const transpiler = new Bun.Transpiler({ loader: "ts" });
    const sources = [...new Bun.Glob("src/**/*.ts").scanSync(tree)].filter((path) => !path.endsWith(".d.ts"));
    const paths = sources.flatMap((path) => transpiler.scanImports(readFileSync(join(tree, path), "utf8")));
    const names = paths.map(({ path }) => /^(?:@[^/]+\/)?[^./][^/]*/.exec(path)?.[0]);
    return [...new Set(names)].filter((name) => name !== undefined && !/^(node:|bun(:|$))/.test(name)) as string[];
  }

  describe("the bill of materials", () => {
    const read = async () => await Bun.file(join(made, `mosaic-fleet-${version}.cdx.json`)).json();

    test("is CycloneDX 1.6, of this version and time, with a serial number of its content", async () => {
      const { bomFormat, specVersion, serialNumber, version: edition, metadata } = await read();
      expect({ bomFormat, specVersion, edition }).toEqual({ bomFormat: "CycloneDX", specVersion: "1.6", edition: 1 });
      expect(serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(metadata.timestamp).toBe("2023-11-14T22:13:20Z");
      expect(metadata.component).toMatchObject({ type: "application", name: "mosaic-fleet", version });
    });

    test("names the packages that are in the binary and no others, and the runtimes, with version, licence and hash", async () => {
      const { components, dependencies, metadata } = await read();
      const installed = (name: string) =>
        JSON.parse(readFileSync(join(tree, "node_modules", name, "package.json"), "utf8"));
      const ofType = (type: string) =>
        components.filter((one: { type: string }) => one.type === type).map((one: { name: string }) => one.name);
      // What the source imports, and what that depends on.
      const libraries: string[] = ofType("library");
      const imported = importedPackages();
      expect(libraries).toEqual(expect.arrayContaining(imported));
      const allowed = imported.flatMap((name) => [name, ...Object.keys(installed(name).dependencies ?? {})]);
      expect(allowed).toEqual(expect.arrayContaining(libraries));
      const runtimes = targets.map((target) => `@oven/bun-${target.replace("arm64", "aarch64")}`);
      expect(ofType("platform").sort()).toEqual([...runtimes, "bun"].sort());
      for (const one of components) {
        const name = one.name.startsWith("@oven/") ? "bun" : one.name;
        expect(one.version).toBe(installed(name).version);
        expect(one.purl).toBe(`pkg:npm/${one.name.replace("@", "%40")}@${one.version}`);
        expect(one.licenses).toEqual([{ license: { id: installed(name).license } }]);
        const integrity = Buffer.from(one.hashes[0].content, "hex").toString("base64");
        expect(readFileSync(join(tree, "bun.lock"), "utf8")).toContain(`"sha512-${integrity}"`);
      }
      const references = components.map((one: { "bom-ref": string }) => one["bom-ref"]);
      expect(new Set(references).size).toBe(references.length);
      expect(dependencies[0]).toEqual({ ref: metadata.component["bom-ref"], dependsOn: references });
    });

    test("has the hash of each binary, and nothing of the machine that made it", async () => {
      const { metadata } = await read();
      const sums = readFileSync(join(made, "SHA256SUMS"), "utf8");
      const files = metadata.component.components;
      expect(files).toHaveLength(targets.length);
      for (const { name, hashes } of files) expect(sums).toContain(`${hashes[0].content}  ${name}\n`);
      const text = readFileSync(join(made, `mosaic-fleet-${version}.cdx.json`), "utf8");
      for (const trace of [tree, temporary.path, "node_modules"]) expect(text).not.toContain(trace);
    });
  });

  /** Asserts that it tells its version and looks at the machine. */
  function expectRuns(argv: readonly string[], env: Record<string, string | undefined> = process.env): void {
    expect(run([...argv, "--version"], { env })).toMatchObject({ code: 0, stdout: `${version}\n` });
    const doctor = run([...argv, "doctor", "--pre", "-o", "json"], { cwd: "/", env, timeoutMs: 60_000 });
    expect(JSON.parse(doctor.stdout)).toMatchObject({ schemaVersion: 1, environment: { binary: version } });
    expect([0, 1, 2]).toContain(doctor.code ?? -1);
    const { checks } = JSON.parse(doctor.stdout);
    expect(checks.find(({ id }: { id: string }) => id === "machine.linux")).toMatchObject({ status: "pass" });
  }

  describe("the binary of", () => {
    test(`${native} runs`, () => expectRuns([file(native)]));

    const emulator = (machine: string) => Bun.which(`qemu-${machine}-static`) ?? "";
    test.skipIf(!emulator("x86_64"))("linux-x64 runs on a processor without AVX (takes qemu-user-static)", () => {
      expectRuns([emulator("x86_64"), "-cpu", "Nehalem", file("linux-x64")]);
    });

    const arm = "/usr/aarch64-linux-gnu";
    const armIsHere = emulator("aarch64") !== "" && existsSync(`${arm}/lib/ld-linux-aarch64.so.1`);
    test.skipIf(!armIsHere)("linux-arm64 runs (takes qemu-user-static and libc6-arm64-cross)", () => {
      expectRuns([emulator("aarch64"), "-L", arm, file("linux-arm64")]);
    });

    const musl = join(tree, "node_modules/.musl-of-arm64/ld-musl-aarch64.so.1");
    const muslIsHere = [musl, `${arm}/lib/libstdc++.so.6`, Bun.which("aarch64-linux-gnu-as") ?? ""].every(existsSync);
    test.skipIf(!armIsHere || !muslIsHere)(
      "linux-arm64-musl runs (takes qemu-user-static, Debian's musl, and libstdc++ and binutils for arm64)",
      () => {
        const lib = folder("arm64-musl/lib");
        mkdirSync(lib, { recursive: true });
        copyFileSync(musl, join(lib, "ld-musl-aarch64.so.1"));
        copyFileSync(`${arm}/lib/libgcc_s.so.1`, join(lib, "libgcc_s.so.1"));
        // Debian's, because Alpine's is not to be had. It asks for libm by name, which musl has in itself: under another
        // name of that length it loads what it lacks.
        const library = readFileSync(`${arm}/lib/libstdc++.so.6`)
          .toString("latin1")
          .replaceAll("libm.so.6", "libx.so.6");
        writeFileSync(join(lib, "libstdc++.so.6"), library, "latin1");
        const object = folder("glibc-on-musl.o");
        const source = join(tree, "test/fixtures/glibc-on-musl-arm64.s");
        expect(run(["aarch64-linux-gnu-as", "-o", object, source]).stderr).toBe("");
        expect(run(["aarch64-linux-gnu-ld", "-shared", "-o", join(lib, "libx.so.6"), object]).stderr).toBe("");
        expectRuns([emulator("aarch64"), "-L", dirname(lib), file("linux-arm64-musl")]);
      },
    );

    const needs = [
      isRoot,
      process.arch === "x64",
      existsSync("/lib/ld-musl-x86_64.so.1"),
      Bun.which("cc"),
      ["libstdc++.so.6", "libgcc_s.so.1"].every((name) => libraryOf(name) !== undefined),
      Bun.which("busybox") && !run(["file", "-L", Bun.which("busybox") ?? ""]).stdout.includes("interpreter"),
    ];
    describe.skipIf(!needs.every(Boolean))("linux-x64-musl (as root, with musl, cc and a static busybox)", () => {
      const root = folder("alpine-like");

      /** What is in it: busybox as every program, musl, the release. Debian's libstdc++, because Alpine's is not to be had. */
      beforeAll(() => {
        for (const name of ["bin", "lib", "proc", "home"]) mkdirSync(join(root, name), { recursive: true });
        writeFiles(root, { "dev/null": "", "etc/passwd": "root:x:0:0:root:/home:/bin/sh\n" });
        copyFileSync(Bun.which("busybox") ?? "", join(root, "bin/busybox"));
        const programs = run(["busybox", "--list"])
          .stdout.split("\n")
          .filter((name) => /^[a-z]/.test(name));
        for (const name of programs) if (name !== "busybox") symlinkSync("busybox", join(root, "bin", name));
        copyFileSync("/lib/ld-musl-x86_64.so.1", join(root, "lib/ld-musl-x86_64.so.1"));
        mkdirSync(join(root, "release"));
        for (const path of [file("linux-x64-musl"), join(made, "install.sh")])
          copyFileSync(path, join(root, "release", path.slice(made.length + 1)));
      });

      const mounts = 'mount -t proc none "$0/proc" && mount --bind /dev/null "$0/dev/null" && exec chroot "$0" "$@"';
      const alone = ["unshare", "--mount", "--propagation", "private", "sh", "-c", mounts, root];
      const inside = (...argv: string[]) => [...alone, ...argv];
      const env = { PATH: process.env.PATH, HOME: "/home" };
      const installing = inside("/bin/sh", "/release/install.sh", "--from", "/release", "--libc", "musl");

      test("without libstdc++ install.sh says what to install, and installs nothing", () => {
        const { code, stderr } = run(installing, { env });
        expect({ code, stderr }).toEqual({ code: 69, stderr: expect.stringContaining("apk add libstdc++") });
        expect(existsSync(join(root, "home/.local"))).toBe(false);
      });

      test("with it install.sh finds out that it is the one, installs it, and it runs", () => {
        for (const name of ["libstdc++.so.6", "libgcc_s.so.1"])
          copyFileSync(libraryOf(name) ?? "", join(root, "lib", name));
        const loader = "ld-linux-x86-64.so.2";
        const compile = [
          "cc",
          "-shared",
          "-nostdlib",
          "-fPIC",
          "-w",
          `-Wl,-soname,${loader}`,
          "-o",
          join(root, "lib", loader),
        ];
        expect(run([...compile, join(tree, "test/fixtures/glibc-on-musl.c")])).toMatchObject({ code: 0 });
        const { code, stdout } = run(installing.slice(0, -2), { env });
        expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining("installed mosaic-fleet") });
        expect(run(["cmp", join(root, "home/.local/bin/mosaic-fleet"), file("linux-x64-musl")]).code).toBe(0);
        expectRuns(inside("/home/.local/bin/mosaic-fleet"), env);
      });
    });

    function libraryOf(name: string): string | undefined {
      const found = ["/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"];
      return found.map((place) => join(place, name)).find((path) => existsSync(path));
    }
  });

  describe("the .deb", () => {
    for (const [target, architecture] of Object.entries(architectures)) {
      test(`of ${architecture} says what it is, and what it takes`, () => {
        const fields = Object.fromEntries(
          run(["dpkg-deb", "--field", deb(architecture)])
            .stdout.split(/\n(?! )/)
            .map((line) => line.split(/: (.*)/s)),
        );
        expect(fields).toMatchObject({
          Package: "mosaic-fleet",
          Version: version,
          Architecture: architecture,
          Maintainer: "Ada Lovelace <ada@example.net>",
          Depends: expect.stringMatching(/systemd \(>= \d+\), tmux \(>= 3\.2\)/),
        });
        const megabytes = statSync(file(target)).size / 2 ** 20;
        expect(Math.abs(Number(fields["Installed-Size"]) / 1024 - megabytes)).toBeLessThan(1);
      });

      test(`of ${architecture} has the released binary and nothing that is not root's, in order`, () => {
        const listed = run(["dpkg-deb", "--contents", deb(architecture)])
          .stdout.trim()
          .split("\n");
        const entries = listed.map((line) => /^(\S+) (\S+) +\d+ (\S+ \S+) \.\/(.*)$/.exec(line)?.slice(1) ?? []);
        const paths = entries.map(([, , , path = ""]) => path);
        expect(paths).toEqual([...paths].sort());
        for (const [mode, owner, time, path = ""] of entries)
          expect([path, mode, owner, time]).toEqual([
            path,
            path.endsWith("/") || path === ""
              ? "drwxr-xr-x"
              : path === "usr/bin/mosaic-fleet"
                ? "-rwxr-xr-x"
                : "-rw-r--r--",
            "root/root",
            run(["date", "-d", "@1700000000", "+%Y-%m-%d %H:%M"]).stdout.trim(),
          ]);
        for (const path of [
          "usr/bin/mosaic-fleet",
          "usr/share/man/man1/mosaic-fleet.1.gz",
          "usr/share/man/man1/mosaic-fleet-agent-start.1.gz",
          "usr/share/bash-completion/completions/mosaic-fleet",
          "usr/share/zsh/vendor-completions/_mosaic-fleet",
          "usr/share/fish/vendor_completions.d/mosaic-fleet.fish",
          "usr/share/doc/mosaic-fleet/copyright",
          "usr/share/doc/mosaic-fleet/changelog.gz",
        ])
          expect(paths).toContain(path);
        const argv = ["sh", "-c", 'dpkg-deb --fsys-tarfile "$0" | tar -xO ./usr/bin/mosaic-fleet | cmp - "$1"'];
        expect(run([...argv, deb(architecture), file(target)])).toEqual({ code: 0, stdout: "", stderr: "" });
      });

      test.skipIf(Bun.which("readelf") === null)(
        `of ${architecture} asks for the libc that the binary takes (takes readelf)`,
        () => {
          const wanted = /libc6 \(>= 2\.(\d+)\)/.exec(
            run(["dpkg-deb", "--field", deb(architecture), "Depends"]).stdout,
          )?.[1];
          const needs = run(["readelf", "--version-info", file(target)]).stdout.matchAll(/GLIBC_2\.(\d+)/g);
          expect(Math.max(...[...needs].map(([, minor]) => Number(minor)))).toBe(Number(wanted));
        },
      );
    }

    describe.skipIf(!isRoot)("installed by dpkg into a root of its own (as root)", () => {
      const root = folder("debian-like");
      const dpkg = (...words: string[]) =>
        run(["dpkg", `--root=${root}`, "--force-depends", "--force-architecture", ...words]);
      const env = {
        PATH: `${root}/usr/bin:${process.env.PATH}`,
        HOME: folder("home of a packager"),
        LC_ALL: "C.UTF-8",
      };
      const share = join(root, "usr/share");

      beforeAll(() => {
        mkdirSync(env.HOME);
        writeFiles(join(root, "var/lib/dpkg"), {
          status: "",
          "info/format": "1\n",
          "updates/.keep": "",
          "triggers/.keep": "",
        });
        expect(dpkg("--install", older())).toMatchObject({ code: 0 });
        writeFiles(join(root, "etc"), { "mosaic-fleet.local": "the administrator's" });
        expect(dpkg("--install", deb(debian))).toMatchObject({ code: 0 });
      });

      /** The package of the version before, which has one file more. */
      function older(): string {
        const parts = folder("older package");
        run(["dpkg-deb", "--raw-extract", deb(debian), parts]);
        const control = join(parts, "DEBIAN/control");
        writeFileSync(control, readFileSync(control, "utf8").replace(/^Version: .*$/m, "Version: 0.0.1"));
        writeFiles(join(parts, "usr/share/mosaic-fleet"), { "no more": "" });
        run(["dpkg-deb", "-Znone", "--build", parts, `${parts}.deb`]);
        return `${parts}.deb`;
      }

      test("an older one is upgraded; nothing is run on the way, and no file is the administrator's to merge", () => {
        const status = dpkg("--status", "mosaic-fleet").stdout;
        expect(status).toContain(`Version: ${version}\n`);
        expect(status).not.toContain("Conffiles");
        const scripts = ["sh", "-c", 'dpkg-deb --ctrl-tarfile "$0" | tar -t', deb(debian)];
        expect(run(scripts).stdout.split("\n").filter(Boolean).sort()).toEqual(["./", "./control", "./md5sums"]);
        expect(existsSync(join(share, "mosaic-fleet"))).toBe(false);
      });

      test("the binary runs, and everything is as it was packed", () => {
        expectRuns([join(root, "usr/bin/mosaic-fleet")], env);
        expect(dpkg("--verify", "mosaic-fleet")).toMatchObject({ code: 0, stdout: "" });
        expect(dpkg("--status", "mosaic-fleet").stdout).toContain("install ok installed");
      });

      test.skipIf(Bun.which("man") === null)("man finds the pages (takes man)", () => {
        const { code, stdout } = run(["man", "-M", join(share, "man"), "mosaic-fleet-doctor"], { env });
        expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining("MOSAIC-FLEET-DOCTOR(1)") });
      });

      for (const [shell, script] of [
        ["bash", `. "$1/bash-completion/completions/mosaic-fleet" && complete -p mosaic-fleet`],
        [
          "zsh",
          `fpath=("$1/zsh/vendor-completions" $fpath); autoload -Uz compinit && compinit -D && print $_comps[mosaic-fleet]`,
        ],
        ["fish", `complete -C "mosaic-fleet completions z"`],
      ] as const)
        test.skipIf(Bun.which(shell) === null)(`${shell} completes (takes ${shell})`, () => {
          const argv = shell === "fish" ? [shell, "-c", script] : [shell, "-c", script, shell, share];
          const { code, stdout } = run(argv, { env: { ...env, XDG_DATA_DIRS: share } });
          const says = { bash: "_mosaic_fleet mosaic-fleet", zsh: "_mosaic-fleet", fish: "zsh" }[shell];
          expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining(says) });
        });

      test("self-update leaves it to the package, and names the one to install", () => {
        const mounts = `mount -t overlay overlay -o "lowerdir=$0/usr/bin:/usr/bin" /usr/bin && mount --bind "$0/var/lib/dpkg" /var/lib/dpkg`;
        const script = `${mounts} && exec /usr/bin/mosaic-fleet self-update --from "$1"`;
        const argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, root, made];
        const { code, stderr } = run(argv, { env: { ...env, PATH: process.env.PATH } });
        expect({ code, stderr }).toEqual({
          code: 73,
          stderr: expect.stringContaining("belongs to the package mosaic-fleet"),
        });
        expect(stderr).toContain(`mosaic-fleet_VERSION_${debian}.deb`);
        // A copy of the user's own beside it is the user's to update.
        const own = join(env.HOME, ".local/bin/mosaic-fleet");
        mkdirSync(dirname(own), { recursive: true });
        linkSync(file(native), own);
        const ownScript = script.replace("exec /usr/bin/mosaic-fleet self-update", `exec '${own}' self-update --check`);
        const PATH = `${dirname(own)}:${process.env.PATH}`;
        const looked = run([...argv.slice(0, 6), ownScript, ...argv.slice(7)], { env: { ...env, PATH } });
        expect(looked).toEqual({ code: 0, stdout: expect.stringContaining("Up to date"), stderr: "" });
      });

      test("removed, nothing of it is left, and nothing to purge; what is not of it stays", () => {
        expect(dpkg("--remove", "mosaic-fleet")).toMatchObject({ code: 0 });
        expect(run(["find", root, "-name", "*mosaic*"]).stdout).toBe(`${root}/etc/mosaic-fleet.local\n`);
        expect(run(["dpkg-query", `--root=${root}`, "--show", "mosaic-fleet"]).code).toBe(1);
        expect(dpkg("--purge", "mosaic-fleet")).toMatchObject({ code: 0, stderr: expect.stringContaining("warning") });
      });
    });
  });

  test("the binary knows where newer ones are and the key of the release", () => {
    const argv = ["grep", "--text", "--count", "--fixed-strings", "https://example.org/latest", file(native)];
    expect(run(argv).code).toBe(0);
    if (key) expect(run(["grep", "--text", "--count", "--fixed-strings", key.public, file(native)]).code).toBe(0);
  });

  describe("with .xz, unsigned", () => {
    test.skipIf(lstatSync(join(tree, "node_modules")).isSymbolicLink())(
      "without a key and an address it is the binary that scripts/build makes (takes a node_modules that is no link)",
      () => {
        expect(run(["cmp", file(native, packed), join(tree, "dist/mosaic-fleet")]).code).toBe(0);
      },
    );

    test.skipIf(Bun.which("lintian") === null)(
      "lintian finds no error in the .deb (takes lintian)",
      async () => {
        const said = await linted?.stdout.text();
        expect({ said, code: await linted?.exited }).toEqual({ said: expect.not.stringMatching(/^E: /m), code: 0 });
      },
      120_000,
    );

    test("each is packed in blocks: the same bytes with two threads and with more", () => {
      const listed = run(["xz", "--robot", "--list", `${file(native, packed)}.xz`]).stdout;
      expect(Number(/^file\t1\t(\d+)\t/m.exec(listed)?.[1])).toBeGreaterThan(1);
      const script = 'head -c 4M "$0" | xz -0 "--threads=$1" -c | sha256sum';
      const [one, two, five] = ["1", "2", "5"].map(
        (threads) => run(["sh", "-c", script, file(native), threads]).stdout,
      );
      expect(two).toBe(five ?? "");
      expect(two).not.toBe(one ?? "");
    });

    test("each unpacks to the binary beside it", () => {
      const argv = ["sh", "-c", 'xz -dc "$0.xz" | cmp - "$0"', file(native, packed)];
      expect(run(argv)).toEqual({ code: 0, stdout: "", stderr: "" });
    });

    test("install.sh installs it, and runs its doctor", () => {
      const home = folder("home of a user");
      mkdirSync(home);
      const argv = ["sh", join(packed, "install.sh"), "--from", packed];
      const { code, stdout } = run(argv, { cwd: "/", env: { PATH: process.env.PATH, HOME: home } });
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining(`${native}.xz`) });
      expect(stdout).toContain("mosaic-fleet doctor --pre");
      expect(run(["cmp", join(home, ".local/bin/mosaic-fleet"), file(native, packed)]).code).toBe(0);
    });
  });

  test("a runtime that is not the one of bun.lock is refused, and nothing is made", () => {
    const copy = copyOfTree(folder("other runtime"));
    const lock = readFileSync(join(copy, "bun.lock"), "utf8");
    const line = /("@oven\/bun-linux-x64-musl": \[.*"sha512-)..../;
    expect(lock).toMatch(line);
    writeFiles(copy, { "bun.lock": lock.replace(line, "$1AAAA") });
    const argv = [process.execPath, "scripts/release.ts", "--xz", "none", "--out", folder("refused"), "linux-x64-musl"];
    const env = { ...environment, BUN_INSTALL_CACHE_DIR: folder("empty cache") };
    const { code, stderr } = run(argv, { cwd: copy, env });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("Integrity") });
    expect(existsSync(folder("refused"))).toBe(false);
  }, 60_000);

  for (const [when, runs, whom] of [
    ["in the midst of a program that it runs", "--compile", (pid: number) => -pid],
    ["and is the only one that hears it", "--compile", (pid: number) => pid],
    ["between two of them", "", (pid: number) => pid],
  ] as const)
    test(`interrupted by Ctrl-C, ${when}, it leaves nothing`, async () => {
      const place = folder(`interrupted ${when}`);
      const argv = [
        ...[process.execPath, join(tree, "scripts/release.ts"), "--xz", "9"],
        "--out",
        join(place, "out"),
        native,
      ];
      const child = Bun.spawn(["setsid", ...argv], {
        cwd: "/",
        env: environment,
        stdin: "ignore",
        stdout: "ignore",
        stderr: "pipe",
      });
      const runsNow = () => run(["ps", "-o", "args=", "--ppid", String(child.pid)]).stdout;
      const isWorking = () => existsSync(place) && readdirSync(place).some((name) => name.startsWith(".release."));
      while (!(runs === "" ? isWorking() && runsNow() === "" : runsNow().includes(runs))) await Bun.sleep(1);
      process.kill(whom(child.pid), "SIGINT");
      expect({ code: await child.exited, said: await child.stderr.text() }).toEqual({
        code: 130,
        said: expect.stringContaining("ended by SIGINT"),
      });
      expect(readdirSync(place)).toEqual([]);
    });

  test.skipIf(!key)("a key that cannot sign is found before anything is built (takes minisign)", () => {
    const out = folder("unsigned");
    const env = { ...environment, MINISIGN_SECRET_KEY: join(tree, "LICENSE") };
    const start = performance.now();
    const { code, stderr } = run([join(tree, "scripts/release"), "--xz", "none", "--out", out, native], { env });
    expect({ code, stderr }).toEqual({ code: 69, stderr: expect.stringContaining("cannot sign") });
    expect(existsSync(out)).toBe(false);
    expect(performance.now() - start).toBeLessThan(3000);
  });
});

describe("what scripts/release refuses", () => {
  test.skipIf(!toolsAreHere)(
    "a folder that is no clone, where nothing else says when and whose it is (takes xz and dpkg-deb)",
    () => {
      const { SOURCE_DATE_EPOCH: _, DEBFULLNAME: __, ...nobody } = environment as NodeJS.ProcessEnv;
      const argv = [process.execPath, "scripts/release.ts", "--xz", "none", "--out", folder("nobody's"), native];
      const { code, stderr } = run(argv, { cwd: copyOfTree(folder("no clone")), env: nobody });
      expect({ code, stderr }).toEqual({ code: 64, stderr: expect.stringContaining("SOURCE_DATE_EPOCH, DEBFULLNAME") });
      expect(existsSync(folder("nobody's"))).toBe(false);
    },
  );

  const full = folder("full");
  writeFiles(full, { mine: "" });
  chmodSync(full, 0o755);
  for (const [words, says] of [
    [["linux-s390x"], "no target linux-s390x"],
    [["--frob"], "usage: scripts/release"],
    [["--xz", "10"], "--xz takes"],
    [["--base-url", "http://example.org"], "takes an https URL"],
    [["--base-url", "https://example.org/'$(id)"], "takes an https URL"],
    [["--base-url", "https://ada:secret@example.org"], "it takes no password"],
    [["--out", full], "is not empty"],
  ] as const) {
    test(words.join(" "), () => {
      // One through the script; the others without its set-up.
      const argv = words[0] === "--frob" ? [join(tree, "scripts/release")] : [process.execPath, "scripts/release.ts"];
      const { code, stderr } = run([...argv, ...words]);
      expect({ code, says: stderr.includes(says) && says }).toEqual({ code: 64, says });
      expect(readdirSync(full)).toEqual(["mine"]);
    });
  }
});
