import { describe, expect, test } from "bun:test";
import { systemdMajor } from "../../../src/adapters/systemd.ts";
import { tmuxVersion } from "../../../src/adapters/tmux.ts";

describe("the major version of systemd", () => {
  for (const [text, major] of [
    ["systemd 252 (252.38-1~deb12u1)\n+PAM +AUDIT +SELINUX\n", 252],
    ["systemd 257 (257.4-1)\n", 257],
    ["systemd 256.11 (256.11-1.fc41)\n", 256],
    ["systemd 255 (v255.4-1ubuntu8)\n", 255],
    ["252.38-1~deb12u1\n", 252],
    ["257.4\n", 257],
    ["v258~rc1-23-gabcdef0\n", 258],
    ["systemd 239\n", 239],
    ["", undefined],
    ["command not found\n", undefined],
    ["+PAM 252\n", undefined],
  ] as const) {
    test(`of ${JSON.stringify(text)} is ${major}`, () => {
      expect(systemdMajor(text)).toBe(major as number);
    });
  }
});

describe("the version of tmux", () => {
  for (const [text, version] of [
    ["tmux 3.3a\n", { major: 3, minor: 3 }],
    ["tmux 3.5\n", { major: 3, minor: 5 }],
    ["tmux next-3.6\n", { major: 3, minor: 6 }],
    ["tmux 3.10\n", { major: 3, minor: 10 }],
    ["tmux 1.8\n", { major: 1, minor: 8 }],
    ["tmux master\n", undefined],
    ["", undefined],
  ] as const) {
    test(`of ${JSON.stringify(text)} is ${version === undefined ? "unknown" : `${version.major}.${version.minor}`}`, () => {
      expect(tmuxVersion(text)).toEqual(version);
    });
  }
});
