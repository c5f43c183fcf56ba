import { describe, expect, test } from "bun:test";
import { fleetSocket } from "../../../src/core/settings.ts";
import { fakeFiles, fakeHost } from "../../support/fake-host.ts";

describe("the fleet's socket", () => {
  const path = "/home/somebody/.config/mosaic/fleet/fleet.env";

  test("is the built-in one without a fleet.env, and with one that does not name it", async () => {
    expect(await fleetSocket(fakeHost())).toBe("mosaic-factory");
    expect(await fleetSocket(fakeHost({ files: fakeFiles({ [path]: "A=1\n" }) }))).toBe("mosaic-factory");
  });

  test("is what fleet.env says, read as systemd reads it", async () => {
    const text = "# MOSAIC_TMUX_SOCKET=commented\nMOSAIC_TMUX_SOCKET='other'\r\n";
    expect(await fleetSocket(fakeHost({ files: fakeFiles({ [path]: text }) }))).toBe("other");
  });

  test("follows XDG_CONFIG_HOME", async () => {
    const files = fakeFiles({ "/c/mosaic/fleet/fleet.env": "MOSAIC_TMUX_SOCKET=there\n" });
    expect(await fleetSocket(fakeHost({ env: { XDG_CONFIG_HOME: "/c" }, files }))).toBe("there");
  });
});
