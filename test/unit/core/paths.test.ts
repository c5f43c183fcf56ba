import { describe, expect, test } from "bun:test";
import { pathsOf, tilde } from "../../../src/core/paths.ts";

const user = { uid: 1000, name: "somebody", home: "/home/somebody" };

describe("everything of a fleet has its place", () => {
  test("in the home folder", () => {
    expect(pathsOf({ env: {}, user })).toEqual({
      config: "/home/somebody/.config",
      units: "/home/somebody/.config/systemd/user",
      tools: "/home/somebody/.config/mosaic/tools/fleet",
      site: "/home/somebody/.config/mosaic/fleet",
      agents: "/home/somebody/.config/mosaic/fleet/agents",
      state: "/home/somebody/.local/state/mosaic/fleet",
      receipt: "/home/somebody/.local/state/mosaic/fleet/receipt.json",
      runtime: undefined,
    });
  });

  test("or where the XDG variables say", () => {
    const env = { XDG_CONFIG_HOME: "/c", XDG_STATE_HOME: "/s", XDG_RUNTIME_DIR: "/r" };
    expect(pathsOf({ env, user })).toMatchObject({
      units: "/c/systemd/user",
      tools: "/c/mosaic/tools/fleet",
      agents: "/c/mosaic/fleet/agents",
      receipt: "/s/mosaic/fleet/receipt.json",
      runtime: "/r",
    });
  });

  for (const value of ["", "relative", "./c", "~/c"]) {
    test(`an XDG folder "${value}", which is not absolute, does not count`, () => {
      const env = { XDG_CONFIG_HOME: value, XDG_STATE_HOME: value, XDG_RUNTIME_DIR: value };
      expect(pathsOf({ env, user })).toEqual(pathsOf({ env: {}, user }));
    });
  }
});

test("a path is shown with ~ for the home folder, and for nothing else", () => {
  expect(tilde("/home/somebody", user.home)).toBe("~");
  expect(tilde("/home/somebody/.config/a", user.home)).toBe("~/.config/a");
  expect(tilde("/home/somebody-else/a", user.home)).toBe("/home/somebody-else/a");
  expect(tilde("/etc/home/somebody/a", user.home)).toBe("/etc/home/somebody/a");
});
