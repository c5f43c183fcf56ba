import { describe, expect, test } from "bun:test";
import { type Action, changes, conflicts } from "../../../src/install/action.ts";
import { type Found, type PlanInput, planInstall } from "../../../src/install/plan.ts";
import type { Receipt } from "../../../src/install/receipt.ts";

const PATH = "/c/systemd/user/mosaic-tmux-holder.service";
const FOLDER = "/c/systemd/user";
const wanted = { path: PATH, mode: 0o644, text: "new", sha256: "hash of new" };

function found(kind: "file" | "folder" | "link" | "socket" | "other", sha256?: string, mode = 0o644): Found {
  return { status: { kind, mode, uid: 1000, gid: 1000, size: 0, modified: 0 }, sha256 };
}

/** A receipt of an earlier run that wrote the file with this content. */
function receipt(sha256: string, phase: Receipt["phase"] = "applied"): Receipt {
  return {
    schemaVersion: 1,
    version: "0.0.9",
    writtenAt: "2025-11-01T00:00:00.000Z",
    phase,
    files: [{ path: PATH, sha256, mode: 0o644 }],
    folders: [],
    enabled: [],
  };
}

function plan(there: Readonly<Record<string, Found>> = {}, input: Partial<PlanInput> = {}) {
  return planInstall({
    wanted: [wanted],
    folders: [FOLDER],
    found: new Map(Object.entries(there)),
    recorded: undefined,
    enable: false,
    enabled: false,
    now: false,
    running: false,
    ...input,
  });
}

/** The one step of this kind. */
function step(kind: Action["kind"], ...args: Parameters<typeof plan>) {
  const steps = plan(...args).steps.filter(({ action }) => action.kind === kind);
  expect(steps.length).toBeLessThanOrEqual(1);
  return steps[0];
}

describe("a file of the layout", () => {
  test("that is not there is created, with its mode, text and hash", () => {
    expect(step("write-file")).toEqual({ action: { kind: "write-file", ...wanted }, change: "create" });
  });

  test("that is there as it should be stays as it is", () => {
    expect(step("write-file", { [PATH]: found("file", "hash of new") })?.change).toBe("none");
  });

  test("that is there as it should be needs no receipt to be ours", () => {
    const there = { [PATH]: found("file", "hash of new") };
    expect(step("write-file", there, { recorded: receipt("hash of old") })?.change).toBe("none");
  });

  for (const mode of [0o600, 0o755, 0o4644]) {
    test(`whose mode is ${mode.toString(8)} is put right`, () => {
      expect(step("write-file", { [PATH]: found("file", "hash of new", mode) })?.change).toBe("update");
    });
  }

  test("that an earlier version of ours wrote is updated", () => {
    const there = { [PATH]: found("file", "hash of old") };
    expect(step("write-file", there, { recorded: receipt("hash of old") })?.change).toBe("update");
  });

  test("is ours whatever a run that was killed left of it: the new content, or one from before", () => {
    const unfinished = receipt("hash of another", "applying");
    const recorded = { ...unfinished, files: unfinished.files.map((file) => ({ ...file, before: ["hash of old"] })) };
    const change = (there: string) => step("write-file", { [PATH]: found("file", there) }, { recorded })?.change;
    expect(["hash of new", "hash of another", "hash of old", "hash of an edit"].map(change)).toEqual([
      "none",
      "update",
      "update",
      "conflict",
    ]);
  });

  test("that the user edited is a conflict, which says so and what to type", () => {
    const there = { [PATH]: found("file", "hash of an edit") };
    expect(step("write-file", there, { recorded: receipt("hash of old") })).toMatchObject({
      change: "conflict",
      why: "this file was edited since mosaic-fleet wrote it",
      next: `mv ${PATH} ${PATH}.yours`,
    });
  });

  test("in a path with a blank: what it says to type is quoted", () => {
    const path = "/home/a b/holder.service";
    expect(
      step("write-file", { [path]: found("file", "hash of an edit") }, { wanted: [{ ...wanted, path }] }),
    ).toMatchObject({ change: "conflict", next: `mv '${path}' '${path}.yours'` });
    expect(step("make-folder", { [path]: found("file", "x") }, { folders: [path] })).toMatchObject({
      next: `mv '${path}' '${path}.yours'`,
    });
  });

  test("that nobody knows is a conflict", () => {
    const foreign = { [PATH]: found("file", "hash of something") };
    const why = "this file is there and was not written by mosaic-fleet";
    expect(step("write-file", foreign)).toMatchObject({ change: "conflict", why });
    const other = { ...receipt("hash of something"), files: [] };
    expect(step("write-file", foreign, { recorded: other })).toMatchObject({ change: "conflict", why });
  });

  for (const kind of ["link", "folder", "socket", "other"] as const) {
    test(`in whose place a ${kind} is, is a conflict, whatever the receipt says`, () => {
      const recorded = receipt("hash of new");
      expect(step("write-file", { [PATH]: found(kind) }, { recorded })).toMatchObject({
        change: "conflict",
        why: expect.stringContaining(kind),
        next: `mv ${PATH} ${PATH}.yours`,
      });
    });
  }
});

describe("a folder of the layout", () => {
  test("is made when it is not there", () => {
    expect(step("make-folder")).toEqual({ action: { kind: "make-folder", path: FOLDER }, change: "create" });
  });

  for (const kind of ["folder", "link"] as const) {
    test(`stays when it is a ${kind}`, () => {
      expect(step("make-folder", { [FOLDER]: found(kind) })?.change).toBe("none");
    });
  }

  test("in whose place a file is, is a conflict", () => {
    expect(step("make-folder", { [FOLDER]: found("file", "x") })).toMatchObject({
      change: "conflict",
      next: `mv ${FOLDER} ${FOLDER}.yours`,
    });
  });
});

describe("daemon-reload", () => {
  const inPlace = { [FOLDER]: found("folder"), [PATH]: found("file", "hash of new") };

  test("comes after the files, when one is written", () => {
    const steps = plan({ [FOLDER]: found("folder") }).steps;
    expect(steps.map(({ action, change }) => [action.kind, change])).toEqual([
      ["make-folder", "none"],
      ["write-file", "create"],
      ["daemon-reload", "update"],
    ]);
    const recorded = receipt("hash of old");
    expect(step("daemon-reload", { [PATH]: found("file", "hash of old") }, { recorded })?.change).toBe("update");
  });

  test("comes also when a run was killed, which may have written some", () => {
    expect(step("daemon-reload", inPlace, { recorded: receipt("hash of new", "applying") })?.change).toBe("update");
  });

  test("is left out when none is written", () => {
    expect(step("daemon-reload", inPlace)?.change).toBe("none");
    expect(changes(plan(inPlace))).toEqual([]);
  });
});

describe("enable and now", () => {
  test("are no steps unless they are asked for", () => {
    expect(step("enable")).toBeUndefined();
    expect(step("start")).toBeUndefined();
  });

  test("enable the holder and start it, in this order, after daemon-reload", () => {
    expect(plan({}, { enable: true, now: true }).steps.slice(-3)).toEqual([
      { action: { kind: "daemon-reload" }, change: "update" },
      { action: { kind: "enable", unit: "mosaic-tmux-holder.service" }, change: "update" },
      { action: { kind: "start", unit: "mosaic-tmux-holder.service" }, change: "update" },
    ]);
  });

  test("do nothing where that is so already", () => {
    const input = { enable: true, now: true, enabled: true, running: true };
    expect(step("enable", {}, input)?.change).toBe("none");
    expect(step("start", {}, input)?.change).toBe("none");
  });
});

describe("a plan", () => {
  test("tells what changes from what is in the way", () => {
    const mixed = plan(
      { [PATH]: found("link"), [FOLDER]: found("folder") },
      { wanted: [wanted, { ...wanted, path: "/c/other" }] },
    );
    expect(conflicts(mixed).map(({ action }) => "path" in action && action.path)).toEqual([PATH]);
    expect(changes(mixed).map(({ action }) => ("path" in action ? action.path : action.kind))).toEqual([
      "/c/other",
      "daemon-reload",
    ]);
  });
});
