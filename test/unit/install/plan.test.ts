import { describe, expect, test } from "bun:test";
import { type Action, changes, conflicts } from "../../../src/install/action.ts";
import type { Found } from "../../../src/install/judge.ts";
import { type PlanInput, planInstall } from "../../../src/install/plan.ts";
import type { Receipt } from "../../../src/install/receipt.ts";

const PATH = "/c/systemd/user/mosaic-tmux-holder.service";
const FOLDER = "/c/systemd/user";
const wanted = { path: PATH, mode: 0o644, text: "new", sha256: "hash of new" };

function found(kind: "file" | "folder" | "link" | "socket" | "other", sha256?: string, mode = 0o644): Found {
  const status = { kind, mode, uid: 1000, gid: 1000, size: 1, modified: 0, changed: 0 };
  return { status, sha256, text: sha256?.replace("hash of ", "") };
}

/** A receipt of an earlier run that wrote the file with this content. */
function receipt(
  sha256: string,
  phase: Receipt["phase"] = "applied",
  more: Partial<Receipt["files"][number]> = {},
): Receipt {
  return {
    schemaVersion: 2,
    version: "0.0.9",
    writtenAt: "2025-11-01T00:00:00.000Z",
    phase,
    files: [{ path: PATH, sha256, mode: 0o644, ...more }],
    folders: [],
    enabled: [],
    linger: false,
    previous: null,
    texts: {},
  };
}

function plan(there: Readonly<Record<string, Found>> = {}, input: Partial<PlanInput> = {}) {
  return planInstall({
    wanted: [wanted],
    folders: [FOLDER],
    found: new Map(Object.entries(there)),
    recorded: undefined,
    leadOut: new Map(),
    taken: new Set(),
    kept: new Set(),
    restore: false,
    unsafe: [],
    seed: [],
    enable: false,
    enabled: false,
    now: false,
    running: false,
    linger: false,
    lingers: false,
    ...input,
  });
}

/** The one step of this kind. */
function step(kind: Action["kind"], ...args: Parameters<typeof plan>) {
  const steps = plan(...args).steps.filter(({ action }) => action.kind === kind);
  expect(steps.length).toBeLessThanOrEqual(1);
  return steps[0];
}

/** What changes: kind and path. */
function changed(...args: Parameters<typeof plan>): string[] {
  return changes(plan(...args)).flatMap(({ action, change }) =>
    "path" in action && action.kind !== "make-folder" ? [`${change} ${action.kind} ${action.path}`] : [],
  );
}

test("a mode that changes is said: no diff shows it", () => {
  const other = { [PATH]: found("file", "hash of new", 0o600) };
  expect(step("write-file", other)).toMatchObject({ change: "update", notes: ["mode 600 becomes 644"] });
  expect(step("write-file", { [PATH]: found("file", "hash of new") })?.notes).toBeUndefined();
});

describe("a file of the layout", () => {
  test("that is not there is created, with its mode, text and hash", () => {
    expect(step("write-file")).toEqual({ action: { kind: "write-file", ...wanted, over: null }, change: "create" });
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

  test("is ours whatever a run that was killed left of it: the content from before, or what was to come", () => {
    const recorded = receipt("hash of old", "applying", { pending: ["hash of another", "hash of new"] });
    const is = (there: string) => {
      const steps = plan({ [PATH]: found("file", there) }, { recorded }).steps;
      return steps.find(({ action }) => action.kind === "write-file" && action.path === PATH)?.change;
    };
    expect(["hash of new", "hash of another", "hash of old", "hash of an edit"].map(is)).toEqual([
      "none",
      "update",
      "update",
      "keep",
    ]);
  });

  test("that only the user changed stays, and is said", () => {
    const there = { [PATH]: found("file", "hash of an edit") };
    expect(step("write-file", there, { recorded: receipt("hash of new") })).toMatchObject({
      change: "keep",
      kept: "edited",
      was: "an edit",
      next: `mosaic-fleet install --take ${PATH}`,
    });
  });

  describe("that the user and this version changed", () => {
    const beside = `${PATH}.mosaic-new`;
    const edited = { [PATH]: found("file", "hash of an edit") };
    const recorded = receipt("hash of old");

    test("stays as the user has it, with ours beside it, and is to be decided", () => {
      const { steps } = plan(edited, { recorded });
      expect(steps.find(({ change }) => change === "keep")).toMatchObject({ kept: "undecided", was: "an edit" });
      expect(changed(edited, { recorded })).toEqual([`create write-file ${beside}`]);
    });

    test("is to be decided as long as ours lies beside it, and not any more", () => {
      const offered = receipt("hash of new");
      const lies = { ...edited, [beside]: found("file", "hash of new") };
      const kept = (there: Record<string, Found>) =>
        plan(there, { recorded: offered }).steps.flatMap((each) => (each.change === "keep" ? [each.kept] : []));
      expect([kept(lies), kept(edited)]).toEqual([["undecided"], ["edited"]]);
    });

    test("is ours when the user takes ours: theirs is kept first", () => {
      const lies = { ...edited, [beside]: found("file", "hash of old") };
      expect(changed(lies, { recorded, taken: new Set([PATH]) })).toEqual([
        `create keep-copy ${PATH}`,
        `update write-file ${PATH}`,
        `remove remove-file ${beside}`,
      ]);
    });

    test("is theirs when the user keeps theirs", () => {
      const lies = { ...edited, [beside]: found("file", "hash of old") };
      expect(changed(lies, { recorded, kept: new Set([PATH]) })).toEqual([`remove remove-file ${beside}`]);
    });

    test("with something else in the place of ours beside it, is a conflict", () => {
      for (const there of [found("file", "hash of a note"), found("link")])
        expect(conflicts(plan({ ...edited, [beside]: there }, { recorded }))).toMatchObject([
          { next: `mv ${beside} ${beside}.yours` },
        ]);
      expect(changed({ ...edited, [beside]: found("file", "hash of old") }, { recorded })).toEqual([
        `update write-file ${beside}`,
      ]);
    });
  });

  describe("that the user removed", () => {
    const recorded = receipt("hash of old");

    test("stays removed, and so does its folder; it is said", () => {
      expect(step("write-file", {}, { recorded })).toMatchObject({
        change: "keep",
        kept: "removed",
        next: "mosaic-fleet install --restore",
      });
      expect(plan({}, { recorded }).removed).toEqual([PATH]);
      expect(step("make-folder", {}, { recorded, folders: [] })).toBeUndefined();
    });

    test("comes back with --restore", () => {
      expect(step("write-file", {}, { recorded, restore: true })?.change).toBe("create");
    });

    test("is not one that a run which was killed has not written yet, but one that it knew to be removed", () => {
      const killed = receipt("hash of old", "applying");
      expect(step("write-file", {}, { recorded: killed })?.change).toBe("create");
      const knew = receipt("hash of old", "applying", { removed: true });
      expect(step("write-file", {}, { recorded: knew })?.change).toBe("keep");
    });
  });

  describe("that this version does not have any more", () => {
    const gone = "/c/tools/gone.sh";
    const dropped: Receipt = { ...receipt("hash of new"), files: [{ path: gone, sha256: "hash of old", mode: 0o755 }] };

    test("goes when it is ours, stays when the user changed it", () => {
      expect(changed({ [gone]: found("file", "hash of old") }, { recorded: dropped })).toContain(
        `remove remove-file ${gone}`,
      );
      const edited = plan({ [gone]: found("file", "hash of an edit") }, { recorded: dropped });
      expect(edited.steps.find(({ change }) => change === "keep")).toMatchObject({
        kept: "dropped",
        next: `rm ${gone}`,
      });
    });
  });

  test("in a path with a blank: what it says to type is quoted", () => {
    const path = "/home/a b/holder.service";
    expect(
      step("write-file", { [path]: found("file", "hash of an edit") }, { wanted: [{ ...wanted, path }] }),
    ).toMatchObject({ change: "conflict", next: `mv '${path}' '${path}.yours'` });
    expect(step("make-folder", { [path]: found("file", "x") }, { wanted: [], folders: [path] })).toMatchObject({
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
      expect(step("write-file", { [PATH]: found(kind) }, { recorded, taken: new Set([PATH]) })).toMatchObject({
        change: "conflict",
        why: expect.stringContaining(kind === "other" ? "a pipe or a device" : `a ${kind}`),
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

  test("to which a link leads that leaves home and config is a conflict, there already or not", () => {
    for (const there of [{}, { [FOLDER]: found("link") }, { [FOLDER]: found("folder") }])
      expect(step("make-folder", there, { leadOut: new Map([[FOLDER, "/c/systemd"]]) })).toMatchObject({
        change: "conflict",
        next: "mv /c/systemd /c/systemd.yours",
      });
  });

  test("in which systemd would find no settings is a conflict", () => {
    for (const name of ["a*b", "a?b", "a[b", "a\\b"]) {
      const folder = `/c/${name}/mosaic/fleet/agents`;
      const [why] = plan({}, { folders: [folder] }).steps.flatMap((each) => ("why" in each ? [each.why] : []));
      expect([name, why]).toEqual([name, expect.stringContaining("for a pattern")]);
    }
  });

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

  test("lingering first, then the holder at boot and now, after daemon-reload", () => {
    expect(plan({}, { enable: true, now: true, linger: true }).steps.slice(-4)).toEqual([
      { action: { kind: "daemon-reload" }, change: "update" },
      { action: { kind: "linger", on: true }, change: "update" },
      { action: { kind: "enable", units: ["mosaic-tmux-holder.service"] }, change: "update" },
      { action: { kind: "start", units: ["mosaic-tmux-holder.service"] }, change: "update" },
    ]);
  });

  test("do nothing where that is so already", () => {
    const input = { enable: true, now: true, linger: true, enabled: true, running: true, lingers: true };
    expect(step("linger", {}, input)?.change).toBe("none");
    expect(step("enable", {}, input)?.change).toBe("none");
    expect(step("start", {}, input)?.change).toBe("none");
  });
});

describe("a plan", () => {
  test("tells what changes from what is in the way", () => {
    const mixed = plan(
      { [PATH]: found("link"), [FOLDER]: found("folder") },
      { wanted: [wanted, { ...wanted, path: `${FOLDER}/other` }] },
    );
    expect(conflicts(mixed).map(({ action }) => "path" in action && action.path)).toEqual([PATH]);
    expect(changes(mixed).map(({ action }) => ("path" in action ? action.path : action.kind))).toEqual([
      `${FOLDER}/other`,
      "daemon-reload",
    ]);
  });
});
