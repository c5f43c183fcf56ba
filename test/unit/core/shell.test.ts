import { expect, test } from "bun:test";
import { moveAside, onceEach, shellPath, shellWord } from "../../../src/core/shell.ts";
import { run } from "../../support/build.ts";

test("a word that a shell takes as it is stays as it is", () => {
  for (const plain of ["/home/a/.config/systemd/user/mosaic-agent@.service", "a_b-c.d", "A=1"])
    expect(shellWord(plain)).toBe(plain);
});

test("a shell reads back every word, whatever is in it", () => {
  const words = ["", "a b", "it's", "'", '"', "$HOME", "`id`", "*", "~", "#", "\\", "é", "a;b", "!!"];
  const { stdout } = run(["sh", "-c", `printf '%s\\0' ${words.map(shellWord).join(" ")}`]);
  expect(stdout.split("\0").slice(0, -1)).toEqual(words);
});

test("what cannot be seen is spelled, and bash reads it back", () => {
  const words = ["a\nb", "a\x1b]0;pwn\x07", "\x7f1", "é\u009b2", "it's\t\\n", "\u202etxt", "$HOME\r"];
  const shown = words.map(shellWord).join(" ");
  expect(shown).toMatch(/^[^\p{Cc}\p{Cf}]*$/u);
  const { stdout } = run(["bash", "-c", `printf '%s\\0' ${shown}`]);
  expect(stdout.split("\0").slice(0, -1)).toEqual(words);
});

test("what is moved aside is quoted on both sides", () => {
  expect(moveAside("/home/a b/x", "yours")).toBe("mv '/home/a b/x' '/home/a b/x.yours'");
});

test("a path in the home folder is typed from ~ on, which is never quoted; what only looks so is quoted", () => {
  const home = "/home/a b";
  const paths = [home, `${home}/x y`, `${home}/$(id)`, "/home/a bc", "~/literal"];
  const typed = paths.map((path) => shellPath(path, home));
  expect(typed.slice(0, 3)).toEqual(["~", "~/'x y'", "~/'$(id)'"]);
  const { stdout } = run(["sh", "-c", `printf '%s\\0' ${typed.join(" ")}`], { env: { HOME: home } });
  expect(stdout.split("\0").slice(0, -1)).toEqual(paths);
});

test("of commands that come again each is typed once, but a reload after all that it is for", () => {
  const reload = "systemctl --user daemon-reload";
  expect(onceEach(["mkdir a", "sed 1", reload, "mkdir a", "sed 2", reload, "start b"])).toEqual([
    ...["mkdir a", "sed 1", "sed 2", reload, "start b"],
  ]);
});
