import { expect, test } from "bun:test";
import { moveAside, shellWord } from "../../../src/core/shell.ts";
import { run } from "../../support/build.ts";

test("a word that a shell takes as it is stays as it is", () => {
  for (const plain of ["/home/a/.config/systemd/user/mosaic-agent@.service", "a_b-c.d", "A=1"])
    expect(shellWord(plain)).toBe(plain);
});

test("a shell reads back every word, whatever is in it", () => {
  const words = ["", "a b", "it's", "'", '"', "$HOME", "`id`", "a\nb", "*", "~", "#", "\\", "é", "a;b", "!!"];
  const { stdout } = run(["sh", "-c", `printf '%s\\0' ${words.map(shellWord).join(" ")}`]);
  expect(stdout.split("\0").slice(0, -1)).toEqual(words);
});

test("what is moved aside is quoted on both sides", () => {
  expect(moveAside("/home/a b/x", "yours")).toBe("mv '/home/a b/x' '/home/a b/x.yours'");
});
