import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { PROGRAM } from "./release-installer.ts";
import { must, tree } from "./release-tools.ts";

/** Debian's name of a target's machine. Debian's C library is glibc. */
const ARCHITECTURES: Readonly<Record<string, string>> = { "linux-x64": "amd64", "linux-arm64": "arm64" };

interface Given {
  /** The copy of the source that is compiled. */
  readonly source: string;
  /** A folder to work in. */
  readonly work: string;
  /** Where the packages go. */
  readonly out: string;
  readonly version: string;
  /** By target. */
  readonly binaries: Readonly<Record<string, string>>;
  /** The folders of the packages that are in the binaries. */
  readonly bundled: readonly string[];
  /** Name <address>. */
  readonly maintainer: string;
  readonly time: Date;
  /** 0 to 9, or `none`. */
  readonly xz: string;
}

/** The pages of the manual, and what completes in each shell. */
interface Documents {
  readonly pages: readonly (readonly [name: string, text: string])[];
  readonly completions: readonly (readonly [shell: string, script: string])[];
}

/** Makes a .deb of each binary that can run on Debian. */
export async function packagesForDebian(given: Given): Promise<void> {
  const { work, out, version, binaries, time, xz } = given;
  const documents = await documentsOf(given);
  // Of any number of threads dpkg-deb writes the same bytes.
  const env = { SOURCE_DATE_EPOCH: String(time.getTime() / 1000) };
  for (const [target, binary] of Object.entries(binaries)) {
    const architecture = ARCHITECTURES[target];
    if (architecture === undefined) continue;
    const folder = join(work, `deb-${architecture}`);
    layOut(folder, { ...given, ...documents, binary, architecture });
    const file = join(out, `${PROGRAM}_${version}_${architecture}.deb`);
    const compression = xz === "none" ? ["-Znone"] : ["-Zxz", `-z${xz}`];
    await must(["dpkg-deb", "--root-owner-group", ...compression, "--build", folder, file], { env });
    rmSync(folder, { recursive: true });
  }
}

/** Out of the source: no binary of a release need run here. */
async function documentsOf({ source, work, time }: Given): Promise<Documents> {
  const folder = join(work, "man1");
  const env = { SOURCE_DATE_EPOCH: String(time.getTime() / 1000) };
  const program = (...words: string[]) => must([process.execPath, "src/main.ts", ...words], { cwd: source, env });
  await program("man", "--dir", folder);
  return {
    pages: readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]),
    completions: await Promise.all(
      Object.keys(COMPLETIONS).map(async (shell) => [shell, await program("completions", shell)] as const),
    ),
  };
}

/** Where each shell looks for what a package brings, below /usr/share. */
const COMPLETIONS: Readonly<Record<string, string>> = {
  bash: `bash-completion/completions/${PROGRAM}`,
  zsh: `zsh/vendor-completions/_${PROGRAM}`,
  fish: `fish/vendor_completions.d/${PROGRAM}.fish`,
};

/** How a version of ours sorts among Debian's: a pre-release before its release, and nothing after a hyphen is a revision. */
function debianVersion(version: string): string {
  return version.replace("-", "~").replaceAll("-", ".");
}

type Package = Given & Documents & { readonly binary: string; readonly architecture: string };

/** The folder that dpkg-deb makes a package of, each file with its mode and time: the same bytes wherever it is made. */
function layOut(folder: string, given: Package): void {
  const share = join(folder, "usr/share");
  const doc = join(share, "doc", PROGRAM);
  const write = (path: string, content: string | Uint8Array) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    chmodSync(path, 0o644);
  };
  const program = join(folder, "usr/bin", PROGRAM);
  mkdirSync(dirname(program), { recursive: true });
  copyFileSync(given.binary, program);
  chmodSync(program, 0o755);
  for (const [name, text] of given.pages) write(join(share, "man/man1", `${name}.gz`), packed(text));
  for (const [shell, script] of given.completions) write(join(share, COMPLETIONS[shell] ?? ""), script);
  write(join(doc, "copyright"), copyright(given));
  write(join(doc, "changelog.gz"), packed(changelog(given)));
  write(join(share, "lintian/overrides", PROGRAM), OVERRIDES);

  const files = filesIn(join(folder, "usr"));
  const sums = files.map((file) => `${md5(file)}  ${file.slice(folder.length + 1)}\n`);
  write(join(folder, "DEBIAN/control"), control(given, files));
  write(join(folder, "DEBIAN/md5sums"), sums.join(""));
  for (const name of ["", ...readdirSync(folder, { recursive: true })]) {
    const path = join(folder, String(name));
    if (statSync(path).isDirectory()) chmodSync(path, 0o755);
    utimesSync(path, given.time, given.time);
  }
}

/** Without a name or a time in it. */
function packed(text: string): Uint8Array {
  return gzipSync(text, { level: 9 });
}

function md5(file: string): string {
  return new Bun.CryptoHasher("md5").update(readFileSync(file)).digest("hex");
}

/** In order of name. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => statSync(path).isFile())
    .sort();
}

/** tmux and systemd as doctor accepts them; the C library that the runtime's symbols ask for. */
const DEPENDS = "libc6 (>= 2.17), systemd (>= 252), tmux (>= 3.2)";

function control({ version, architecture, maintainer }: Package, files: readonly string[]): string {
  const kibibytes = files.reduce((sum, file) => sum + Math.ceil(statSync(file).size / 1024), 0);
  return `Package: ${PROGRAM}
Version: ${debianVersion(version)}
Architecture: ${architecture}
Maintainer: ${maintainer}
Installed-Size: ${kibibytes}
Depends: ${DEPENDS}
Recommends: dbus-user-session, libpam-systemd
Section: admin
Priority: optional
Description: durable fleet of AI coding agents, proved on the machine
 A holder unit owns a tmux server, and every agent is a session on it whose
 processes live in a systemd unit of their own. An agent can crash, run out of
 memory or be stopped, the tmux server can be killed, the machine can reboot,
 and nothing else is disturbed.
 .
 mosaic-fleet lays this out for a user (install), says what on the machine
 would keep it from holding (doctor), and proves that it holds, with real
 systemd and real tmux (canary). This package starts and enables nothing: a
 fleet is each user's own.
`;
}

/** In Debian's form, of this version alone: what CHANGELOG.md says of it. */
function changelog({ version, maintainer, time }: Given): string {
  const sections = readFileSync(join(tree, "CHANGELOG.md"), "utf8").split(/^## /m);
  const own = sections.find((section) => section.split(/[\s,]/)[0] === version) ?? "";
  const items = [...own.matchAll(/^- (.*\n(?: {2}.*\n)*)/gm)].map(([, text = ""]) => text.replace(/\s+/g, " ").trim());
  const entries = items.length > 0 ? items : [`Version ${version}.`];
  const date = `${time.toUTCString().replace("GMT", "+0000")}`;
  return `${PROGRAM} (${debianVersion(version)}) unstable; urgency=medium

${entries.map(entry).join("")}
 -- ${maintainer}  ${date}
`;
}

/** Wrapped to 80 columns. */
function entry(text: string): string {
  const lines = text.match(/\S(?:.{0,74}\S)?(?=\s|$)/g) ?? [];
  return lines.map((line, index) => `${index === 0 ? "  * " : "    "}${line}\n`).join("");
}

function copyright({ bundled }: Given): string {
  const others = bundled.map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
    const text = file === undefined ? `Licence: ${license}` : readFileSync(join(folder, file), "utf8");
    return [`In the binary is ${name} ${version}:`, text];
  });
  const own = [PROGRAM, readFileSync(join(tree, "LICENSE"), "utf8")];
  return [own, ...others, RUNTIME]
    .map((part) => part.map((each) => each.trim()).join("\n\n"))
    .join(`\n\n${"-".repeat(72)}\n`);
}

const RUNTIME = [
  "In the binary is Bun, its runtime:",
  `MIT. Bun is linked with others' libraries, WebKit's JavaScriptCore among them, which is under
the LGPL 2: /usr/share/common-licenses/LGPL-2. Bun's own page about licences lists them
all: https://bun.sh/docs/project/licensing
`,
];

const OVERRIDES = `# The binary is one file that needs nothing beside it: the runtime, with the libraries that it is linked with, and the
# compiled program behind it, which strip(1) would cut off.
${PROGRAM}: embedded-library *
${PROGRAM}: unstripped-binary-or-object *
`;
