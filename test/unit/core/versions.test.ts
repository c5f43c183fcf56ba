import { expect, test } from "bun:test";
import { compareVersions, VERSION } from "../../../src/core/versions.ts";

test("versions are in the order of semver", () => {
  const order = [
    "0.9.9",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1",
    "1.2.0",
    "1.10.0",
    "2.0.0",
  ];
  expect(order.toReversed().sort(compareVersions)).toEqual(order);
  for (const version of order) {
    expect(compareVersions(version, version)).toBe(0);
    expect(VERSION.test(version)).toBe(true);
  }
  for (const other of ["", "1.0", "v1.0.0", "1.0.0/../x", "1.0.0-linux_x64"]) expect(VERSION.test(other)).toBe(false);
});
