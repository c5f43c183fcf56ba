import { expect, test } from "bun:test";
import { appendFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { onWrites } from "../../../src/adapters/changes.ts";
import { localHost } from "../../../src/adapters/local-host.ts";
import { until } from "../../../src/core/until.ts";
import { temporaryFolder, writeFiles } from "../../support/build.ts";

test("writes are told, and the end of the file, after which nothing is", async () => {
  using temporary = temporaryFolder();
  const path = join(temporary.path, "file");
  writeFiles(temporary.path, { file: "" });
  let told = 0;
  const more = (than: number) => until(localHost(), 2_000, async () => (told > than ? true : undefined));
  const writes = onWrites(path, () => told++);
  appendFileSync(path, "one");
  expect(await more(0)).toBe(true);
  expect(writes.told()).toBe(true);
  const before = told;
  rmSync(path);
  expect(await more(before)).toBe(true);
  expect(writes.told()).toBe(false);
  writes.end();
});

test("where there is no such file, that is known", () => {
  const writes = onWrites("/nonexistent/file", () => undefined);
  expect(writes.told()).toBe(false);
  writes.end();
});
