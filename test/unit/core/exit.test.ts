import { expect, test } from "bun:test";
import { EXIT, exitOf, exitOfInterrupt } from "../../../src/core/exit.ts";

test("every verdict has its exit code", () => {
  expect((["pass", "broken", "unknown", "unavailable"] as const).map(exitOf)).toEqual([0, 1, 2, 69]);
  expect((["sent", "accepted", "unverifiable"] as const).map(exitOf)).toEqual([0, 0, 2]);
});

test("exit codes are those of sysexits.h, and no two mean the same", () => {
  expect(EXIT).toMatchObject({ usage: 64, unavailable: 69, software: 70, oserr: 71, cantcreate: 73, config: 78 });
  const codes = Object.values(EXIT);
  expect(new Set(codes).size).toBe(codes.length);
});

test("who is interrupted ends with 128 and the number of the signal", () => {
  expect(["SIGHUP", "SIGINT", "SIGTERM", undefined].map(exitOfInterrupt)).toEqual([129, 130, 143, 130]);
});
