import { expect, test } from "bun:test";
import type { Bus } from "../../../src/adapters/bus.ts";
import { managerOn } from "../../../src/adapters/manager.ts";

test("a unit is asked for in one question: it may be loaded for each anew", async () => {
  const asked: unknown[] = [];
  const bus = {
    async properties(object: string, interfaceName: string, names: readonly string[]) {
      asked.push([object, interfaceName, names.includes("TasksMax")]);
      return new Map<string, string | string[]>([
        ["Id", "mosaic-agent@a-b.service"],
        ["DropInPaths", ["/a b/c.conf"]],
        ["Environment", ["KEY=a b", "OTHER="]],
        ["TasksMax", "7"],
      ]);
    },
  } as unknown as Bus;
  expect(await managerOn(bus).unit("mosaic-agent@a-b.service", ["TasksMax"])).toMatchObject({
    id: "mosaic-agent@a-b.service",
    dropIns: ["/a b/c.conf"],
    environment: { KEY: "a b", OTHER: "" },
    extra: { TasksMax: "7" },
  });
  expect(asked).toEqual([["/org/freedesktop/systemd1/unit/mosaic_2dagent_40a_2db_2eservice", "", true]]);
});
