import { describe, expect, test } from "bun:test";
import type { ExecResult } from "../../../src/core/exec.ts";
import { busProblem } from "../../../src/core/user-bus.ts";

const user = { uid: 1000, name: "somebody" };
const env = { XDG_RUNTIME_DIR: "/run/user/7" };

function failed(stderr: string): ExecResult {
  return { argv: ["systemctl", "--user", "show"], stdout: "", stderr, kind: "exited", code: 1 };
}

describe("why the user manager cannot be reached, and what to type", () => {
  for (const [said, cause, remedy] of [
    [
      "Failed to connect to bus: No medium found\n",
      "XDG_RUNTIME_DIR is not set",
      ["export XDG_RUNTIME_DIR=/run/user/1000"],
    ],
    [
      "Failed to connect to user scope bus via local transport: $DBUS_SESSION_BUS_ADDRESS and $XDG_RUNTIME_DIR not defined (consider using --machine=<user>@.host --user to connect to bus of other user)\n",
      "XDG_RUNTIME_DIR is not set",
      ["export XDG_RUNTIME_DIR=/run/user/1000"],
    ],
    [
      "Failed to connect to bus: No such file or directory\n",
      "no user manager runs for somebody: there is no socket in /run/user/7",
      ["sudo loginctl enable-linger somebody", "export XDG_RUNTIME_DIR=/run/user/1000"],
    ],
    [
      "Failed to connect to user scope bus via local transport: No such file or directory\n",
      "no user manager runs for somebody",
      ["sudo loginctl enable-linger somebody", "export XDG_RUNTIME_DIR=/run/user/1000"],
    ],
    [
      "Failed to connect to bus: Permission denied\n",
      "/run/user/7 belongs to another user",
      ["export XDG_RUNTIME_DIR=/run/user/1000"],
    ],
    [
      "Failed to connect to bus: Operation not permitted\n",
      "/run/user/7 belongs to another user",
      ["export XDG_RUNTIME_DIR=/run/user/1000"],
    ],
    [
      "Failed to connect to bus: Connection refused\n",
      "the socket in /run/user/7 is stale",
      ["sudo systemctl restart user@1000.service"],
    ],
    [
      "System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down\n",
      "this machine was not booted with systemd",
      ["mosaic-fleet canary --sandbox"],
    ],
    ["Something nobody has seen yet\nand more\n", "Something nobody has seen yet", ["systemctl --user status"]],
    ["", "systemctl --user failed without a word", ["systemctl --user status"]],
  ] as const) {
    test(`"${said.trim().split("\n")[0]}"`, () => {
      const problem = busProblem(failed(said), { env, user });
      expect(problem?.cause).toStartWith(cause);
      expect(problem?.remedy).toEqual(remedy);
    });
  }

  test("whatever it says, on a machine that was not booted with systemd no variable helps", () => {
    for (const said of [
      "Failed to connect to bus: No medium found\n",
      "Failed to connect to bus: Permission denied\n",
    ]) {
      const problem = busProblem(failed(said), { env, user }, false);
      expect(problem?.cause).toStartWith("this machine was not booted with systemd");
      expect(problem?.remedy).toEqual(["mosaic-fleet canary --sandbox"]);
    }
  });

  test("no answer in time: the manager hangs", () => {
    const result: ExecResult = { argv: [], stdout: "", stderr: "", kind: "timed-out", afterMs: 5000 };
    expect(busProblem(result, { env, user })).toEqual({
      cause: "the user manager did not answer within 5 s",
      remedy: ["sudo systemctl restart user@1000.service"],
    });
  });

  test("no systemctl: no systemd", () => {
    const result: ExecResult = { argv: [], stdout: "", stderr: "", kind: "not-found" };
    expect(busProblem(result, { env, user })).toEqual({
      cause: "systemctl is not installed: this machine does not run systemd",
      remedy: ["mosaic-fleet canary --sandbox"],
    });
  });

  test("nothing, when it answered", () => {
    const result: ExecResult = { argv: [], stdout: "252\n", stderr: "a warning", kind: "exited", code: 0 };
    expect(busProblem(result, { env, user })).toBeUndefined();
  });

  test("a systemctl that was killed did not answer", () => {
    const result: ExecResult = { argv: [], stdout: "", stderr: "", kind: "signaled", signal: "SIGKILL" };
    expect(busProblem(result, { env, user })).toBeDefined();
  });
});
