import { expect, test } from "bun:test";
import type { Found } from "../../../src/install/judge.ts";
import type { Receipt } from "../../../src/install/receipt.ts";
import { planUninstall } from "../../../src/install/uninstall.ts";

const [ours, edited, gone] = ["/c/tools/ours", "/c/tools/edited", "/c/tools/gone"] as const;
const receipt: Receipt = {
  schemaVersion: 2,
  version: "1",
  writtenAt: "2025-11-01T00:00:00.000Z",
  phase: "applied",
  files: [ours, edited, gone].map((path) => ({ path, sha256: "hash of ours", mode: 0o644 })),
  folders: ["/c", "/c/tools"],
  enabled: ["mosaic-tmux-holder.service"],
  linger: true,
  previous: null,
  texts: {},
};

function found(sha256: string): Found {
  return {
    status: { kind: "file", mode: 0o644, uid: 1, gid: 1, size: 1, modified: 0, changed: 0 },
    text: "text",
    sha256,
  };
}

const there = new Map([
  [ours, found("hash of ours")],
  [`${ours}.mosaic-new`, found("hash of ours")],
  [edited, found("hash of an edit")],
]);
const inside = new Map([
  ["/c", ["/c/tools"]],
  ["/c/tools", [ours, `${ours}.mosaic-new`]],
]);
const running = ["mosaic-agent@a.service", "mosaic-agent@b.service", "mosaic-tmux-holder.service"];

test("an uninstall is the receipt backwards: agents, holder, boot, linger, files, folders inside out, reload", () => {
  const { steps } = planUninstall(receipt, there, running, inside);
  const shown = steps.map(({ action, change }) =>
    [change, action.kind, "path" in action ? action.path : "units" in action ? action.units.join(" ") : ""].join(" "),
  );
  expect(shown).toEqual([
    "update stop mosaic-agent@a.service mosaic-agent@b.service",
    "update stop mosaic-tmux-holder.service",
    "update disable mosaic-tmux-holder.service",
    "update linger ",
    `remove remove-file ${ours}`,
    `remove remove-file ${ours}.mosaic-new`,
    `keep remove-file ${edited}`,
    "remove remove-folder /c/tools",
    "remove remove-folder /c",
    "update daemon-reload ",
  ]);
});

test("what install did not do is not undone, and what does not run is not stopped", () => {
  const { steps } = planUninstall({ ...receipt, enabled: [], linger: false }, there, [], inside);
  expect(steps.map(({ action }) => action.kind)).not.toContainAnyValues(["stop", "disable", "linger"]);
});

test("files that the user has removed are known, so that a run which is killed does not bring them back", () => {
  expect(planUninstall(receipt, there, [], inside).removed).toEqual([gone]);
  expect(planUninstall({ ...receipt, phase: "applying" }, there, [], inside).removed).toEqual([]);
});

test("a folder with something else in it stays, and so does every folder around it", () => {
  const folders = (more: [string, string[]]) =>
    planUninstall(receipt, there, [], new Map([...inside, more])).steps.flatMap(({ action, change }) =>
      action.kind === "remove-folder" ? [`${change} ${action.path}`] : [],
    );
  expect(folders(["/c/tools", [ours, edited]])).toEqual(["none /c/tools", "none /c"]);
  expect(folders(["/c", ["/c/tools", "/c/mine"]])).toEqual(["remove /c/tools", "none /c"]);
});
