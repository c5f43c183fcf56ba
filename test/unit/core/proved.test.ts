import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PROVED } from "../../../src/core/proved.ts";
import { tree } from "../../support/build.ts";

test("README's supported range is what the machines have gone through, no more and no less", () => {
  const [, requirements = ""] = readFileSync(join(tree, "README.md"), "utf8").split("\n## Requirements\n\n");
  const pairs = [...requirements.matchAll(/(\d+) with (?:tmux )?(\S+)\s\((Debian \w+)\)/g)];
  expect(pairs.map(([, systemd, tmux, debian]) => ({ debian, systemd: Number(systemd), tmux }))).toEqual(
    Object.values(PROVED),
  );
  const { bookworm, sid } = PROVED;
  expect(requirements).toStartWith(
    `systemd ${bookworm.systemd} to ${sid.systemd} and tmux ${bookworm.tmux} to ${sid.tmux}. `,
  );
});
