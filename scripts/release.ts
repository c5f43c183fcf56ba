// Makes a release; scripts/release calls it: `bun scripts/release.ts [--out DIR] [--base-url URL] [--update-url URL]
// [--xz LEVEL] [TARGET...]`.
//   --out DIR       where it is put: a folder that is not there or empty; dist/release, which is replaced, when left out
//   --base-url URL  where install.sh downloads from by itself: https; the word VERSION in it stands for the version
//   --update-url URL  where self-update looks for newer ones by itself, under the same name for every version: https;
//                   --base-url when left out and there is no VERSION in that
//   --xz LEVEL      of the .xz files and .deb packages, 0 to 9, 6 when left out; `none` packs nothing: for tests, it is most
//                   of the time
// MINISIGN_SECRET_KEY is the path of the key to sign with, MINISIGN_PUBLIC_KEY that of its public half, where it is not
// beside it. SOURCE_DATE_EPOCH is the release's time, DEBFULLNAME and DEBEMAIL whom the packages for Debian are of; the
// commit's when left out. Two releases of one tree, with the same xz, are the same bytes.
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { buildOptions } from "./build-options.ts";
import { packagesForDebian } from "./release-deb.ts";
import { installer, PROGRAM, sha256 } from "./release-installer.ts";
import { bundledPackages, sbom } from "./release-sbom.ts";
import { Failure, git, heedSignals, must, tree } from "./release-tools.ts";

interface Target {
  /** What the bundler calls it. */
  readonly bun: string;
  /** The package that holds its runtime; bun.lock pins the bytes. */
  readonly runtime: string;
}

// Of Bun 1.4.5 the baseline runtimes are the ordinary ones, byte for byte, and bun.lock has only these: that they run
// without AVX2 is shown by test/e2e/release.test.ts.
const targets: Readonly<Record<string, Target>> = {
  "linux-x64": { bun: "bun-linux-x64-baseline", runtime: "@oven/bun-linux-x64" },
  "linux-x64-musl": { bun: "bun-linux-x64-musl-baseline", runtime: "@oven/bun-linux-x64-musl" },
  "linux-arm64": { bun: "bun-linux-arm64", runtime: "@oven/bun-linux-aarch64" },
  "linux-arm64-musl": { bun: "bun-linux-arm64-musl", runtime: "@oven/bun-linux-aarch64-musl" },
};
const native = `linux-${process.arch}`;

const { version, devDependencies } = await Bun.file(join(tree, "package.json")).json();

const lock: { packages: Record<string, [string, string, object, string]> } = Bun.JSONC.parse(
  readFileSync(join(tree, "bun.lock"), "utf8"),
) as never;

/** The `sha512-…` that bun.lock has for a package. */
function integrityOf(name: string): string {
  const found = lock.packages[name]?.[3];
  if (found === undefined) throw new Failure(`bun.lock has no ${name}`);
  return found;
}

/**
 * Installs the runtimes of these packages into a folder. Bun's own download for another target goes by its name alone;
 * an install holds it against bun.lock.
 */
async function installRuntimes(folder: string, names: readonly string[]): Promise<void> {
  const dependencies = Object.fromEntries(names.map((name) => [name, devDependencies.bun]));
  // Without the fields that say for which machines they are: they are not to run here.
  const packages = names.map((name) => [name, [lock.packages[name]?.[0], "", {}, integrityOf(name)]]);
  mkdirSync(folder);
  const files = {
    "package.json": { private: true, dependencies },
    "bun.lock": { lockfileVersion: 1, workspaces: { "": { dependencies } }, packages: Object.fromEntries(packages) },
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), JSON.stringify(content));
  await must([process.execPath, "install", "--frozen-lockfile", "--ignore-scripts"], { cwd: folder });
}

/**
 * A copy of what is compiled: all targets of the same, whatever is edited meanwhile; and with the packages in it, whose
 * path from the source is in the bytes and is another one where node_modules is a link.
 */
function copySource(folder: string, packages: readonly string[]): void {
  for (const name of ["src", "assets", "package.json", "tsconfig.json", ...packages.map((p) => `node_modules/${p}`)])
    cpSync(join(tree, name), join(folder, name), { recursive: true, dereference: true });
}

/** Writes into that copy where newer binaries are, and who signs them. */
function writeOrigin(folder: string, origin: { address: string; publicKey: string }): void {
  writeFileSync(join(folder, "src/update/origin.json"), `${JSON.stringify(origin)}\n`);
}

/** Who made the release, and when: as the environment says, or else the commit. Throws Failure where neither does. */
function originOf(): { maintainer: string; time: Date } {
  const { SOURCE_DATE_EPOCH, DEBFULLNAME, DEBEMAIL } = process.env;
  const name = DEBFULLNAME ?? git("log", "-1", "--format=%an");
  const address = DEBEMAIL ?? git("log", "-1", "--format=%ae");
  const seconds = SOURCE_DATE_EPOCH ?? git("log", "-1", "--format=%ct");
  if (!name || !address || !seconds || !/^\d+$/.test(seconds))
    throw new Failure(
      "this is no clone of git: SOURCE_DATE_EPOCH, DEBFULLNAME and DEBEMAIL are to say when and whose",
      64,
    );
  return { maintainer: `${name} <${address}>`, time: new Date(Number(seconds) * 1000) };
}

interface Signer {
  readonly publicKey: string;
  sign(...files: string[]): Promise<void>;
}

/** Signs with the key at this path. Where the key has a password, minisign asks for it each time. */
async function signer(secret: string, work: string): Promise<Signer> {
  async function minisign(...words: string[]): Promise<void> {
    // It asks on its output.
    await must(["minisign", ...words], { aloud: true }).catch((error) => {
      throw error.code === 1 ? new Failure(`cannot sign with ${secret}`, 69) : error;
    });
  }
  const beside = process.env.MINISIGN_PUBLIC_KEY ?? secret.replace(/\.[^./]*$|$/, ".pub");
  const file = existsSync(beside) ? beside : join(work, "key.pub");
  if (file !== beside) await minisign("-R", "-s", secret, "-p", file);
  const publicKey = readFileSync(file, "utf8").split("\n")[1]?.trim() ?? "";
  return {
    publicKey,
    async sign(...files) {
      await minisign("-S", "-s", secret, "-t", `${PROGRAM} ${version}`, "-m", ...files);
      for (const one of files) await minisign("-V", "-q", "-P", publicKey, "-m", one);
    },
  };
}

/** Takes away what a run that was killed has left to work in: hundreds of megabytes. */
function clearKilled(folder: string): void {
  for (const name of readdirSync(folder)) {
    const pid = /^\.release\.(\d+)\.\w{6}$/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(folder, name), { recursive: true });
  }
}

async function release(
  out: string,
  chosen: readonly string[],
  { baseUrl, updateUrl, xz }: { baseUrl: string; updateUrl: string; xz: string },
): Promise<void> {
  const secret = process.env.MINISIGN_SECRET_KEY;
  for (const program of ["xz", "dpkg-deb", ...(secret ? ["minisign"] : [])])
    if (Bun.which(program) === null) throw new Failure(`${program} is not here: scripts/setup --for-tests`, 69);
  const { maintainer, time } = originOf();
  if (git("status", "--porcelain")) console.error("scripts/release: the tree has changes that are not committed");

  mkdirSync(dirname(out), { recursive: true });
  clearKilled(dirname(out));
  const work = mkdtempSync(join(dirname(out), `.release.${process.pid}.`));
  try {
    const made = join(work, "out");
    const source = join(work, "source");
    const meta = join(work, "meta.json");
    const runtimes = join(work, "runtimes");
    mkdirSync(made, { mode: 0o755 });
    const signing = secret ? await signer(secret, work) : undefined;
    // A key that cannot sign is found now, and not after minutes.
    writeFileSync(join(work, "probe"), "");
    await signing?.sign(join(work, "probe"));

    const bundle = [process.execPath, "build", "--target=bun", `--metafile=${meta}`, `--outdir=${work}/bundle`];
    await must([...bundle, "src/main.ts"]);
    const packages = bundledPackages(JSON.parse(readFileSync(meta, "utf8")));
    copySource(source, packages);
    const address = updateUrl || (baseUrl.includes("VERSION") ? "" : baseUrl);
    writeOrigin(source, { address: address.replace(/\/+$/, ""), publicKey: signing?.publicKey ?? "" });
    const chosenTargets = chosen.map((name) => ({ name, ...(targets[name] as Target) }));
    await installRuntimes(
      runtimes,
      chosenTargets.map(({ runtime }) => runtime),
    );

    const binaries: string[] = [];
    for (const { name, bun, runtime } of chosenTargets) {
      const folder = join(work, name);
      const executable = `--compile-executable-path=${runtimes}/node_modules/${runtime}/bin/bun`;
      mkdirSync(folder);
      // Under the one name: it is in the bytes, and may be printed.
      const binary = join(folder, PROGRAM);
      const argv = [process.execPath, "build", ...buildOptions(), `--target=${bun}`, executable];
      await must([...argv, `--outfile=${binary}`, "src/main.ts"], { cwd: source });
      if (name === native) {
        const said = await must([binary, "--version"]);
        if (said !== `${version}\n`) throw new Failure(`${name} --version says ${said}, package.json says ${version}`);
        const proof = [process.execPath, "test", "--timeout", "120000", "./test/e2e/hostile-folder.test.ts"];
        await must(proof, { env: { MOSAIC_FLEET_BINARY: binary } });
      }
      const named = join(made, `${PROGRAM}-${version}-${name}`);
      renameSync(binary, named);
      binaries.push(named);
    }
    // Two threads and more write the same bytes, one writes others. Level 6: 4 takes two thirds of the time and 3 % more room,
    // 1 a sixth and 13 %; 9 and "extreme" gain nothing.
    const threads = Math.max(2, availableParallelism());
    if (xz !== "none") await must(["xz", "--keep", `--threads=${threads}`, `-${xz}`, ...binaries]);

    await packagesForDebian({
      source,
      work,
      out: made,
      version,
      binaries: Object.fromEntries(chosenTargets.map(({ name }, index) => [name, binaries[index] ?? ""])),
      bundled: packages.map((name) => join(source, "node_modules", name)),
      maintainer,
      time,
      xz,
    });

    const document = sbom({
      tree,
      files: binaries,
      packages: [...packages, "bun", ...chosenTargets.map(({ runtime }) => runtime)].map((name) => ({
        name,
        bundled: packages.includes(name),
        folder: join(name.startsWith("@oven/") ? runtimes : tree, "node_modules", name),
        integrity: integrityOf(name),
      })),
      time,
    });
    writeFileSync(join(made, `${PROGRAM}-${version}.cdx.json`), `${JSON.stringify(document, null, 2)}\n`);

    const publicKey = signing?.publicKey ?? "";
    writeFileSync(join(made, "install.sh"), installer({ folder: made, version, baseUrl, publicKey }));

    const sums = readdirSync(made)
      .sort()
      .map((name) => `${sha256(join(made, name))}  ${name}\n`);
    writeFileSync(join(made, "SHA256SUMS"), sums.join(""));
    await signing?.sign(join(made, "SHA256SUMS"), join(made, "install.sh"));
    await must(["chmod", "-R", "u=rwX,go=rX", made]);
    await must(["chmod", "755", ...binaries, join(made, "install.sh")]);
    rmSync(out, { recursive: true, force: true });
    renameSync(made, out);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const usage = `usage: scripts/release [--out DIR] [--base-url URL] [--update-url URL] [--xz LEVEL] [${Object.keys(targets).join("|")}]...`;
  try {
    const { values, positionals } = parseArgs({
      args: process.argv.slice(2),
      options: {
        out: { type: "string" },
        "base-url": { type: "string", default: "" },
        "update-url": { type: "string", default: "" },
        xz: { type: "string", default: "6" },
      },
      allowPositionals: true,
    });
    const unknown = positionals.find((name) => !Object.hasOwn(targets, name));
    if (unknown !== undefined) throw new Failure(`no target ${unknown}`, 64);
    for (const name of ["base-url", "update-url"] as const)
      if (!/^(https:\/\/[^\s'"\\$`]+)?$/.test(values[name])) throw new Failure(`--${name} takes an https URL`, 64);
      else if (values[name].includes("@")) throw new Failure(`--${name} is published: it takes no password`, 64);
    if (!/^([0-9]|none)$/.test(values.xz)) throw new Failure("--xz takes 0 to 9, or none", 64);
    const out = resolve(values.out ?? join(tree, "dist/release"));
    if (values.out !== undefined && existsSync(out) && readdirSync(out).length > 0)
      throw new Failure(`${out} is not empty`, 64);
    await release(out, positionals.length > 0 ? positionals : Object.keys(targets), {
      baseUrl: values["base-url"],
      updateUrl: values["update-url"],
      xz: values.xz,
    });
    for (const name of readdirSync(out).sort()) {
      const megabytes = (Bun.file(join(out, name)).size / 1e6).toFixed(1).padStart(8);
      console.log(`${megabytes} MB  ${basename(out)}/${name}`);
    }
  } catch (error) {
    const wrong = error instanceof TypeError; // parseArgs
    console.error(`scripts/release: ${error instanceof Error ? error.message : error}${wrong ? `\n${usage}` : ""}`);
    process.exitCode = error instanceof Failure ? error.code : wrong ? 64 : 1;
  }
}

// All that it has made is taken away then, and not before the program that runs has ended.
heedSignals();
await main();
