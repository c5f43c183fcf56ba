import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { files } from "../../src/adapters/files.ts";
import { localHost } from "../../src/adapters/local-host.ts";
import { sha256 } from "../../src/adapters/sum.ts";
import { renderError } from "../../src/cli/report/error.ts";
import { FleetError } from "../../src/core/errors.ts";
import { afterFileError } from "../../src/core/file-error.ts";
import type { Host } from "../../src/core/host.ts";
import { pathsOf } from "../../src/core/paths.ts";
import { readOwnFile, whileOthersWait } from "../../src/fleet/own-file.ts";
import { planLayout } from "../../src/install/install.ts";
import { withLock } from "../../src/install/lock.ts";
import { recordedLayout } from "../../src/install/look.ts";
import { othersIn } from "../../src/install/others.ts";
import { planRemoval } from "../../src/install/plan.ts";
import { keepArchive } from "../../src/install/site.ts";
import { hasPrevious, placeOf } from "../../src/update/place.ts";
import { sourceOf } from "../../src/update/source.ts";
import { withStaging } from "../../src/update/swap.ts";
import { run, temporaryFolder, writeFiles } from "../support/build.ts";
import { fakeHost, recorder } from "../support/fake-host.ts";

// What install, rollback, uninstall and self-update print to be pasted, where the folders have names that a shell would obey:
// it is pasted, as it is on the screen, into a shell that knows only programs which say what they were given.

const temporary = temporaryFolder();
afterAll(() => temporary[Symbol.dispose]());
const ODD = 'it\'s "a" $(touch pwned) `touch pwned`; touch pwned\n-é &';

const programs = join(temporary.path, "programs");
mkdirSync(programs);
writeFileSync(join(programs, "say"), `#!/bin/sh\nprintf '%s\\0' "\${0##*/}" "$@"\nprintf '\\0'\n`, { mode: 0o755 });
for (const name of "mv rm ls cp install diff df namei findmnt chmod chown sudo curl touch mosaic-fleet".split(" "))
  symlinkSync("say", join(programs, name));

let home: string;
let host: Host;
beforeEach(() => {
  home = join(mkdtempSync(join(temporary.path, "in-")), ODD);
  mkdirSync(home);
  const { uid } = localHost().user;
  host = fakeHost({ files, pid: process.pid, user: { uid, name: "o'neil & co", home }, now: () => performance.now() });
});

/** These lines as they are on the screen. */
function shownLines(lines: readonly string[]): string[] {
  const stderr = recorder();
  renderError({ stderr }, new FleetError(1, "It failed", "so", lines));
  return stderr
    .text()
    .split("\n")
    .slice(2)
    .map((line) => line.replace(/^ {2}Next:/, "").trimStart());
}

/** What the programs that stand in say that they were given: each its name and arguments. */
function givenTo(stdout: string): string[][] {
  return stdout
    .split("\0\0")
    .slice(0, -1)
    .map((each) => each.split("\0"));
}

/** What a shell starts for these lines. */
function pasted(lines: readonly string[], shell: string): string[][] {
  const { stdout } = run([shell, "-c", `PATH=$1\n${shownLines(lines).join("\n")}`, shell, programs], {
    cwd: dirname(home),
    env: { HOME: home, PATH: process.env.PATH, LC_ALL: "C.UTF-8" },
  });
  expect(existsSync(join(dirname(home), "pwned"))).toBe(false);
  return givenTo(stdout);
}

test.skipIf(Bun.which("zsh") === null)("typed at zsh, to which a # is a word, each is run (takes zsh)", async () => {
  const lines = shownLines(afterFileError(unwritable("EROFS"), home, "mosaic-fleet install   # all of it?"));
  writeFiles(temporary.path, { typed: `${lines.join("\n")}\n` });
  const typedAt = `exec zsh -f -i -o no_prompt_sp <'${temporary.path}/typed'`;
  const { stdout } = run(["sh", "-c", typedAt], {
    cwd: temporary.path,
    env: { HOME: home, PATH: `${programs}:/usr/bin:/bin`, PS1: "", LC_ALL: "C.UTF-8" },
  });
  expect(givenTo(stdout)).toEqual([
    ["findmnt", "--target", home],
    ["mosaic-fleet", "install"],
  ]);
});

/** What to type after a failure of this. */
const failure = (work: Promise<unknown>): Promise<readonly string[]> =>
  work.then(
    () => [],
    (error) => error.next,
  );
const INTENT = { command: "install", nothing: "Nothing was installed", again: "mosaic-fleet install" } as const;
const AGAIN = ["mosaic-fleet", "install"];
const unwritable = (code: string, path?: string) => Object.assign(new Error(code), { code, path });
/** What a plan says to type about a file that is otherwise than install left it, or not from it. */
async function ofPlan(spoil: (path: string) => void, recorded?: "edited" | "undecided"): Promise<[string[], string]> {
  const first = (await planLayout(host, 252, undefined)).steps.find(({ action }) => action.kind === "write-file");
  if (first?.action.kind !== "write-file") throw new Error("the layout has no file");
  const { path, mode } = first.action;
  mkdirSync(dirname(path), { recursive: true });
  spoil(path);
  const sum = recorded === "edited" ? first.action.sha256 : sha256(new TextEncoder().encode("earlier"));
  const receipt = { ...RECEIPT, files: [{ path, sha256: sum, mode }] };
  const { steps } = await planLayout(host, 252, recorded === undefined ? undefined : receipt);
  return [steps.flatMap((step) => ("next" in step && step.next !== undefined ? [step.next] : [])), path];
}
const RECEIPT = {
  schemaVersion: 2 as const,
  version: "0.0.1",
  writtenAt: "2025-11-01T00:00:00.000Z",
  phase: "applied" as const,
  folders: [],
  enabled: [],
  linger: false,
  previous: null,
  texts: {},
};
const binaryIn = (folder: string, name = "mosaic-fleet"): Host => ({ ...host, executable: join(folder, name) });
const strange = (path: string) => {
  mkdirSync(path, { recursive: true });
  return path;
};

const CASES: readonly (readonly [what: string, () => Promise<[readonly string[], string[][]]>])[] = [
  [
    "a lock that is none",
    async () => {
      const lock = strange(join(pathsOf(host).state, "install.lock"));
      return [await failure(withLock(host, INTENT, async () => {})), [["mv", lock, `${lock}.yours`], AGAIN]];
    },
  ],
  [
    "a receipt that cannot be read",
    async () => {
      const { receipt } = pathsOf(host);
      writeFiles(dirname(receipt), { "receipt.json": "{" });
      return [await failure(recordedLayout(host, INTENT)), [["mv", receipt, `${receipt}.unreadable`], AGAIN]];
    },
  ],
  [
    "a file that is in the way",
    async () => {
      const [next, path] = await ofPlan((path) => writeFileSync(path, "theirs"));
      return [next, [["mv", path, `${path}.yours`]]];
    },
  ],
  [
    "a file that the user has changed",
    async () => {
      const [next, path] = await ofPlan((path) => writeFileSync(path, "theirs"), "edited");
      return [next, [["mosaic-fleet", "install", "--take", path]]];
    },
  ],
  [
    "a file that both have changed",
    async () => {
      const [next, path] = await ofPlan((path) => writeFileSync(path, "theirs"), "undecided");
      return [next, [["diff", "-u", path, `${path}.mosaic-new`]]];
    },
  ],
  [
    "a file that stays when its layout goes",
    async () => {
      const path = join(home, "changed");
      const found = {
        status: { kind: "file", mode: 0o644, uid: 0, gid: 0, size: 1, modified: 0, changed: 0 } as const,
      };
      const here = new Map([[path, { ...found, text: "theirs", sha256: "theirs" }]]);
      const steps = planRemoval(path, "it stays", { found: here, recorded: undefined });
      return [steps.flatMap((step) => ("next" in step && step.next ? [step.next] : [])), [["rm", path]]];
    },
  ],
  [
    "a folder that anybody may write",
    async () => {
      const { agents } = pathsOf(host);
      mkdirSync(agents, { recursive: true });
      run(["chmod", "777", agents]);
      const { steps } = await othersIn(host, []);
      return [steps.flatMap((step) => ("next" in step && step.next ? [step.next] : [])), [["chmod", "go-w", agents]]];
    },
  ],
  ...(
    [
      ["ENOSPC", "df", "-h"],
      ["EROFS", "findmnt", "--target"],
      ["EACCES", "namei", "-l"],
      ["ENOTDIR", "namei", "-l"],
    ] as const
  ).map(([code, ...argv]): (typeof CASES)[number] => [
    `a file system that says ${code}`,
    async () => {
      const path = join(home, "x", "y");
      const named = ["df", "findmnt"].includes(argv[0]) ? dirname(path) : path;
      return [
        [...afterFileError(unwritable(code, path), home), ...afterFileError(unwritable(code), home)],
        [
          [...argv, named],
          [...argv, home],
        ],
      ];
    },
  ]),
  [
    "an archive that cannot be written",
    async () => {
      const { site } = pathsOf(host);
      writeFiles(site, { "fleet.env": "" });
      const again = { command: "uninstall", nothing: "Nothing was removed", again: "mosaic-fleet uninstall" } as const;
      return [
        await failure(keepArchive(host, [join(site, "fleet.env")], again)),
        [
          ["df", "-h", home],
          ["mosaic-fleet", "uninstall"],
        ],
      ];
    },
  ],
  [
    "settings that another has in hand, or that are no file",
    async () => {
      const lock = strange(join(pathsOf(host).state, "settings.lock"));
      const folder = strange(join(home, "a.env"));
      return [
        [...(await failure(whileOthersWait(host, async () => {}))), ...(await failure(readOwnFile(host, folder)))],
        [
          ["mv", lock, `${lock}.yours`],
          ["namei", "-l", folder],
        ],
      ];
    },
  ],
  [
    "a binary of another name",
    async () => {
      const here = binaryIn(home, "other name");
      const to = join(home, ".local/bin/mosaic-fleet");
      return [await failure(placeOf(here)), [["install", "-D", "-m", "755", here.executable, to]]];
    },
  ],
  [
    "a binary that is found by a link",
    async () => {
      const bin = strange(join(home, "bin"));
      const link = join(bin, "mosaic-fleet");
      writeFiles(home, { "mosaic-fleet": "" });
      symlinkSync(join(home, "mosaic-fleet"), link);
      const here = { ...binaryIn(home), env: { PATH: bin } };
      return [await failure(placeOf(here)), [["cp", "--remove-destination", here.executable, link]]];
    },
  ],
  [
    "a folder where the binary from before is to be",
    async () => {
      writeFiles(home, { "mosaic-fleet": "" });
      const previous = strange(join(home, "mosaic-fleet.previous"));
      const place = await placeOf(binaryIn(home));
      return [await failure(hasPrevious(host, place)), [["mv", previous, `${previous}.yours`]]];
    },
  ],
  [
    "a lock of self-update that is none",
    async () => {
      writeFiles(home, { "mosaic-fleet": "" });
      const lock = strange(join(home, ".mosaic-fleet-update.lock"));
      const place = await placeOf(binaryIn(home));
      return [await failure(withStaging(host, place, async () => {})), [["mv", lock, `${lock}.yours`]]];
    },
  ],
  [
    "a release that is not there",
    async () => {
      const folder = sourceOf(host, home, { signed: true, stallMs: 1 });
      const server = sourceOf(localHost(), "http://127.0.0.1:1/it's a $(touch pwned)", { signed: true, stallMs: 1000 });
      const to = join(home, "to");
      const sums = "SHA256SUMS";
      return [
        [...(await failure(folder.fetch(sums, to, 1))), ...(await failure(server.fetch(sums, to, 1))).slice(0, 1)],
        [
          ["ls", "--", home],
          ["curl", "-fI", "http://127.0.0.1:1/it's a $(touch pwned)/SHA256SUMS"],
        ],
      ];
    },
  ],
];

describe.each(["bash", "zsh"].filter((shell) => Bun.which(shell) !== null))("pasted into %s", (shell) => {
  test.each(CASES)("%s: its path comes whole, and nothing of it runs", async (_, make) => {
    const [lines, wanted] = await make();
    expect(pasted(lines, shell)).toEqual(wanted);
  });
});
