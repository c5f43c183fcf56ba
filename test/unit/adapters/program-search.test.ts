import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { files } from "../../../src/adapters/files.ts";
import { mosaicPath, programAt, programSearch, programStart } from "../../../src/adapters/program-search.ts";
import { temporaryFolder, writeFiles } from "../../support/build.ts";
import { treeOf } from "../../support/tree.ts";

const opened: Disposable[] = [];
afterAll(() => {
  for (const each of opened) each[Symbol.dispose]();
});

/** A home folder with these files; those in a bin folder are programs. */
function homeWith(texts: Record<string, string>): string {
  const folder = temporaryFolder();
  opened.push(folder);
  writeFiles(folder.path, texts);
  for (const name of Object.keys(texts))
    if (/(bin|shims|local)\/[^/]+$/.test(name)) chmodSync(join(folder.path, name), 0o755);
  return folder.path;
}

function searchIn(home: string, env: Record<string, string> = {}) {
  return programSearch({ files, env, user: { uid: 0, name: "x", home } });
}

/** Where a program is found below home, with how it is known. */
async function found(home: string, name: string, env: Record<string, string> = {}): Promise<string[]> {
  const all = await searchIn(home, env).find(name);
  return all
    .filter(({ path }) => path.startsWith(home))
    .map(({ path, from }) => `${path.slice(home.length + 1)}: ${from}`);
}

describe("where a program is", () => {
  test("on the PATH of this shell first, then in start files, then in the usual folders; each folder once", async () => {
    const home = homeWith({
      "a/bin/claude": "#!/bin/sh\n",
      "b/bin/claude": "#!/bin/sh\n",
      "c/bin/claude": "#!/bin/sh\n",
      ".local/bin/claude": "#!/bin/sh\n",
      ".profile": 'PATH="$HOME/b/bin:$PATH"\n',
      ".zshrc": "path+=(~/c/bin ~/a/bin)\n",
    });
    expect(await found(home, "claude", { PATH: `/usr/bin:${home}/a/bin/` })).toEqual([
      "a/bin/claude: PATH of this shell",
      "b/bin/claude: ~/.profile (login shell)",
      "c/bin/claude: ~/.zshrc (interactive shell)",
      ".local/bin/claude: the usual folder",
    ]);
  });

  test("nvm: the default version first, then the newest; aliases of aliases are followed", async () => {
    const versions = { "v9.1.0": "", "v20.2.0": "", "v20.11.1": "", "v22.0.0": "" };
    const texts = Object.fromEntries(Object.keys(versions).map((each) => [`.nvm/versions/node/${each}/bin/node`, ""]));
    const folder = (version: string, from: string) => `.nvm/versions/node/${version}/bin/node: ${from}`;
    const home = homeWith({ ...texts, ".nvm/alias/default": "lts/iron\n", ".nvm/alias/lts/iron": "v20.2.0\n" });
    expect(await found(home, "node")).toEqual([
      folder("v20.2.0", "nvm, default v20.2.0"),
      folder("v22.0.0", "nvm, v22.0.0"),
      folder("v20.11.1", "nvm, v20.11.1"),
      folder("v9.1.0", "nvm, v9.1.0"),
    ]);
    for (const [alias, first] of [
      ["20", "v20.11.1"],
      ["node", "v22.0.0"],
      ["v9.1", "v9.1.0"],
    ] as const) {
      const other = homeWith({ ...texts, ".nvm/alias/default": `${alias}\n` });
      expect((await found(other, "node"))[0]).toBe(folder(first, `nvm, default ${first}`));
    }
    const looped = homeWith({ ...texts, ".nvm/alias/default": "loop\n", ".nvm/alias/loop": "loop\n" });
    expect((await found(looped, "node"))[0]).toBe(folder("v22.0.0", "nvm, v22.0.0"));
  });

  test("the prefix of npm: its variable, its file, the usual one", async () => {
    const program = { "one/bin/x": "", "two/bin/x": "", ".npm-global/bin/x": "" };
    const home = homeWith({ ...program, ".npmrc": `registry=r\n prefix = \${HOME}/two\n` });
    expect(await found(home, "x", { npm_config_prefix: `${home}/one` })).toEqual([
      "one/bin/x: npm prefix ($npm_config_prefix)",
      "two/bin/x: npm prefix (~/.npmrc)",
      ".npm-global/bin/x: npm prefix",
    ]);
  });

  test("version managers and installers, at the places that their variables name too", async () => {
    const home = homeWith({
      ".local/share/mise/shims/x": "",
      ".volta/bin/x": "",
      "elsewhere/bin/x": "",
      ".cargo/bin/x": "",
      "go/bin/x": "",
      ".claude/local/x": "",
    });
    expect(await found(home, "x", { BUN_INSTALL: `${home}/elsewhere` })).toEqual([
      ".local/share/mise/shims/x: mise",
      ".volta/bin/x: volta",
      "elsewhere/bin/x: bun",
      ".cargo/bin/x: cargo",
      "go/bin/x: go",
      ".claude/local/x: its own installer",
    ]);
  });

  test("a folder that is there for one shell or project only comes last", async () => {
    const home = homeWith({ "project/node_modules/.bin/x": "", "bin/x": "" });
    expect(await found(home, "x", { PATH: `${home}/project/node_modules/.bin` })).toEqual([
      "bin/x: the usual folder",
      "project/node_modules/.bin/x: PATH of this shell",
    ]);
  });

  test("a search only reads: no file is changed, no start file is run", async () => {
    const home = homeWith({ ".profile": "touch ran\nPATH=$(touch ran; echo /a):$PATH\n", ".bashrc": "touch ran\n" });
    const before = treeOf(home);
    await searchIn(home, { PATH: "/usr/bin" }).find("x");
    expect(treeOf(home)).toEqual(before);
  });

  test("folders that cannot be read are passed over", async () => {
    const home = homeWith({ "bin/x": "", ".npmrc/is-a-folder": "", ".nvm/versions/node": "" });
    expect(await found(home, "x")).toEqual(["bin/x: the usual folder"]);
  });
});

describe("what is at a path", () => {
  const home = homeWith({ "bin/x": "#!/bin/sh\n", plain: "" });
  symlinkSync("bin/x", join(home, "good"));
  symlinkSync("nowhere", join(home, "bad"));
  symlinkSync("bin", join(home, "to-folder"));
  test.each([
    ["bin/x", { state: "there", real: join(home, "bin/x") }],
    ["good", { state: "there", real: join(home, "bin/x") }],
    ["bad", { state: "dangling", target: "nowhere" }],
    ["bin", { state: "folder" }],
    ["to-folder", { state: "folder" }],
    ["plain", { state: "not-executable", real: join(home, "plain") }],
    ["nothing", { state: "absent" }],
    ["plain/below", { state: "absent" }],
  ] as const)("%s", async (name, at) => {
    expect(await programAt({ files }, join(home, name))).toEqual(at);
  });
});

describe("what a program's first bytes say", () => {
  const elf = (machine: number, big = false) => {
    const bytes = new Uint8Array(64);
    bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, big ? 2 : 1]);
    bytes.set(big ? [0, machine] : [machine, 0], 18);
    return bytes;
  };
  const home = homeWith({ empty: "" });
  test.each([
    ["x86_64", elf(62), {}],
    ["x86_64", elf(3), {}],
    ["x86_64", elf(183), { machine: "aarch64" }],
    ["aarch64", elf(62), { machine: "x86_64" }],
    ["x86_64", elf(22, true), { machine: "s390x" }],
    ["x86_64", elf(99), { machine: "machine 99" }],
    ["pdp11", elf(62), {}],
    ["x86_64", "#!/bin/sh\nexit", { interpreter: { program: "/bin/sh", onPath: false } }],
    ["x86_64", "#! /usr/bin/env node\n", { interpreter: { program: "node", onPath: true } }],
    ["x86_64", "#!/usr/bin/env -S A=1 node --x\n", { interpreter: { program: "node", onPath: true } }],
    ["x86_64", "#!/usr/bin/env node\r\n", { interpreter: { program: "/usr/bin/env node\\r", onPath: false } }],
    ["x86_64", "echo hello\n", {}],
    ["x86_64", "", {}],
  ] as const)("on %s", async (machine, bytes, says) => {
    const path = join(home, "program");
    await Bun.write(path, bytes);
    expect(await programStart({ files, machine }, path)).toEqual(says);
  });

  test("nothing where there is nothing", async () => {
    expect(await programStart({ files, machine: "x86_64" }, join(home, "none"))).toEqual({});
  });
});

test("a MOSAIC_PATH keeps what it has, and says ~", () => {
  expect(mosaicPath(undefined, ["/h/a"], "/h")).toBe("~/a");
  expect(mosaicPath("~/b:/c", ["/h/a", "/c", "/h/b"], "/h")).toBe("~/b:/c:~/a");
});
