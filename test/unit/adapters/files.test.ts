import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { type Disk, disk } from "../../../src/adapters/disk.ts";
import { files, filesOn } from "../../../src/adapters/files.ts";
import { run, temporaryFolder } from "../../support/build.ts";

const temporary = temporaryFolder();
afterAll(() => temporary[Symbol.dispose]());

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(temporary.path, "test-"));
});

function modeOf(path: string): number {
  return statSync(path).mode & 0o7777;
}

describe("writing a file whole or not at all", () => {
  for (const umask of [0o000, 0o022, 0o077, 0o777]) {
    test(`its mode is what was asked for, whatever the umask is (${umask.toString(8)})`, async () => {
      const before = process.umask(umask);
      try {
        await files.writeAtomic(join(folder, "script"), "#!/bin/sh\n", 0o755);
        await files.writeAtomic(join(folder, "secret"), "s", 0o600);
      } finally {
        process.umask(before);
      }
      expect([modeOf(join(folder, "script")), modeOf(join(folder, "secret"))]).toEqual([0o755, 0o600]);
    });
  }

  test("it replaces what was there, content and mode, and leaves nothing beside it", async () => {
    const path = join(folder, "file");
    await files.writeAtomic(path, "old", 0o600);
    const { ino } = statSync(path);
    await files.writeAtomic(path, "néw\n", 0o644);
    expect(readFileSync(path, "utf8")).toBe("néw\n");
    expect(modeOf(path)).toBe(0o644);
    // Another file: who has the old one open goes on reading it.
    expect(statSync(path).ino).not.toBe(ino);
    expect(readdirSync(folder)).toEqual(["file"]);
  });

  test("it replaces a link, and not what the link points to", async () => {
    writeFileSync(join(folder, "target"), "target");
    symlinkSync("target", join(folder, "link"));
    await files.writeAtomic(join(folder, "link"), "new", 0o644);
    expect(readFileSync(join(folder, "target"), "utf8")).toBe("target");
    expect(await files.status(join(folder, "link"))).toMatchObject({ kind: "file" });
  });

  test("when it cannot take its place, it says so and leaves nothing", async () => {
    mkdirSync(join(folder, "file/inside"), { recursive: true });
    await expect(files.writeAtomic(join(folder, "file"), "new", 0o644)).rejects.toThrow();
    await files.writeAtomic(join(folder, "file"), "new", 0o644).catch(() => undefined);
    expect(readdirSync(folder)).toEqual(["file"]);
    expect(readdirSync(join(folder, "file"))).toEqual(["inside"]);
  });

  test("without its folder it says so", async () => {
    await expect(files.writeAtomic(join(folder, "none/file"), "new", 0o644)).rejects.toThrow("ENOENT");
  });

  const path = () => join(folder, "file");
  const canFreeze = (() => {
    const probe = join(temporary.path, "probe");
    writeFileSync(probe, "");
    const can = Bun.which("chattr") !== null && run(["chattr", "+i", probe]).code === 0;
    if (can) run(["chattr", "-i", probe]);
    return can;
  })();
  test.skipIf(!canFreeze)("when the rename is refused, the old content stays and nothing is beside it", async () => {
    await files.writeAtomic(path(), "old", 0o600);
    run(["chattr", "+i", path()]);
    try {
      await expect(files.writeAtomic(path(), "new", 0o644)).rejects.toThrow("EPERM");
    } finally {
      run(["chattr", "-i", path()]);
    }
    expect(readFileSync(path(), "utf8")).toBe("old");
    expect(modeOf(path())).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["file"]);
  });
});

describe("looking", () => {
  test("nothing there is undefined or empty, and no error; so it is below a file", async () => {
    writeFileSync(join(folder, "file"), "");
    for (const missing of [join(folder, "none"), join(folder, "file/below")]) {
      expect(await files.read(missing)).toBeUndefined();
      expect(await files.status(missing)).toBeUndefined();
      expect(await files.list(missing)).toEqual([]);
      expect(await files.readLink(missing)).toBeUndefined();
    }
  });

  test("what cannot be read is an error, and not taken for nothing", async () => {
    await expect(files.read(folder)).rejects.toThrow("EISDIR");
  });

  test("tells the kinds of files apart and follows no link", async () => {
    writeFileSync(join(folder, "file"), "", { mode: 0o640 });
    mkdirSync(join(folder, "folder"), { mode: 0o700 });
    symlinkSync("folder", join(folder, "link"));
    symlinkSync("nowhere", join(folder, "broken"));
    run(["mkfifo", join(folder, "pipe")]);
    const server = createServer().listen(join(folder, "socket"));
    await new Promise((resolve) => server.once("listening", resolve));
    const kinds = await Promise.all(
      ["file", "folder", "link", "broken", "pipe", "socket"].map(
        async (name) => (await files.status(join(folder, name)))?.kind,
      ),
    );
    server.close();
    expect(kinds).toEqual(["file", "folder", "link", "link", "other", "socket"]);
    expect(await files.status(join(folder, "file"))).toMatchObject({
      kind: "file",
      mode: 0o640,
      uid: process.getuid?.() ?? -1,
    });
    expect(await files.readLink(join(folder, "broken"))).toBe("nowhere");
  });
});

test("one place is one by every name, and a copy of it is another", async () => {
  for (const name of ["a", "b"]) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, "file"), "the same");
  }
  symlinkSync("a", join(folder, "link"));
  const same = (one: string, other: string) => files.samePlace(join(folder, one), join(folder, other));
  expect(await Promise.all([same("a", "a"), same("a", "link"), same("a/file", "link/file")])).toEqual([
    true,
    true,
    true,
  ]);
  expect(
    await Promise.all([same("a", "b"), same("a/file", "b/file"), same("a", "none"), same("none", "none")]),
  ).toEqual([false, false, false, false]);
});

describe("folders", () => {
  test("are made with their parents, and those that were not there are told, outermost first", async () => {
    mkdirSync(join(folder, "a"));
    const made = await files.makeFolder(join(folder, "a/b/c"));
    expect(made).toEqual([join(folder, "a/b"), join(folder, "a/b/c")]);
    expect(await files.makeFolder(join(folder, "a/b/c"))).toEqual([]);
  });

  test("are not made where a file is in the way", async () => {
    writeFileSync(join(folder, "file"), "");
    await expect(files.makeFolder(join(folder, "file/below"))).rejects.toThrow();
  });

  test("are removed when they are empty, and only then", async () => {
    mkdirSync(join(folder, "empty"));
    mkdirSync(join(folder, "full/inside"), { recursive: true });
    expect(await files.removeEmptyFolder(join(folder, "empty"))).toBe(true);
    expect(await files.removeEmptyFolder(join(folder, "empty"))).toBe(true);
    expect(await files.removeEmptyFolder(join(folder, "full"))).toBe(false);
    expect(existsSync(join(folder, "full/inside"))).toBe(true);
  });

  test("that are temporary are their maker's alone", async () => {
    const made = await files.makeTemporaryFolder(join(folder, "mosaic-"));
    expect(made).toStartWith(join(folder, "mosaic-"));
    expect(modeOf(made)).toBe(0o700);
  });

  test("and files that are gone already are no error to remove", async () => {
    await files.removeFile(join(folder, "none"));
    await files.removeTree(join(folder, "none"));
  });
});

describe("links", () => {
  test("are made whole or not at all, and never over something", async () => {
    const path = join(folder, "link");
    expect(await files.makeLink(path, "one")).toBe(true);
    expect(await files.makeLink(path, "two")).toBe(false);
    expect(await files.makeLink(join(folder, "none/link"), "one")).toBe(false);
    expect(await files.readLink(path)).toBe("one");
  });

  test("are removed while they lead where they are thought to, and stay otherwise", async () => {
    const path = join(folder, "link");
    await files.makeLink(path, "one");
    await files.removeLink(path, "another");
    expect(await files.readLink(path)).toBe("one");
    await files.removeLink(path, "one");
    await files.removeLink(path, "one");
    expect(readdirSync(folder)).toEqual([]);
  });

  test("are followed to the path without any", async () => {
    mkdirSync(join(folder, "a"));
    symlinkSync("a", join(folder, "link"));
    symlinkSync("nowhere", join(folder, "broken"));
    expect(await files.realPath(join(folder, "link"))).toBe(join(folder, "a"));
    expect(await files.realPath(join(folder, "broken"))).toBeUndefined();
  });
});

describe("a disk that fails", () => {
  const failing = (call: keyof Disk) =>
    filesOn({
      ...disk,
      [call]: async () => {
        throw Object.assign(new Error("EROFS: by the test"), { code: "EROFS" });
      },
    });

  for (const call of ["create", "rename"] as const)
    test(`(${call}) leaves the file as it was, and nothing beside it`, async () => {
      writeFileSync(join(folder, "file"), "old");
      await expect(failing(call).writeAtomic(join(folder, "file"), "new", 0o644)).rejects.toThrow("EROFS");
      expect(readFileSync(join(folder, "file"), "utf8")).toBe("old");
      expect(readdirSync(folder)).toEqual(["file"]);
    });

  test("(unlink) does not hide why a file could not be written", async () => {
    mkdirSync(join(folder, "file"));
    await expect(failing("unlink").writeAtomic(join(folder, "file"), "new", 0o644)).rejects.toThrow("EISDIR");
  });

  test("(mkdir, the second one) leaves no folder of those that were to be made", async () => {
    let made = 0;
    const mkdir: Disk["mkdir"] = async (path, mode) => {
      if (++made === 2) throw new Error("ENOSPC: by the test");
      return disk.mkdir(path, mode);
    };
    await expect(filesOn({ ...disk, mkdir }).makeFolder(join(folder, "a/b/c"))).rejects.toThrow("ENOSPC");
    expect(readdirSync(folder)).toEqual([]);
  });
});
