import { expect, test } from "bun:test";
import { exportedVariables } from "../../../src/core/exported.ts";

const VALUES = {
  PLAIN: "a",
  EMPTY: "",
  QUOTES: `it's "x" \\ $HOME \`y\``,
  LINES: "x\ny\n\nexport LINES='z'\n",
  ODD: "é 😀\x01\x1b[0m\\n\t",
};

const SHELLS: string[][] = [["sh"], ["bash", "--posix"], ["busybox", "sh"]];

test.each(SHELLS)("what export -p of %s prints is read as it was", (...shell) => {
  if (Bun.which(shell[0] ?? "") === null) return;
  const env = { ...VALUES, PATH: process.env.PATH ?? "" };
  const { stdout } = Bun.spawnSync([...shell, "-c", "export -p"], { env });
  expect(Object.fromEntries(exportedVariables(stdout.toString()))).toMatchObject(VALUES);
});
