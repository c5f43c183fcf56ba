import { expect, test } from "bun:test";
import { listedIn } from "../../../src/adapters/systemd.ts";

test("a list is read as systemctl shows it, quotes and all", () => {
  // As systemd 252 showed a UnitPath with a folder named: a $c'o"n\fig
  const shown = String.raw`"/home/a \$c'o\"n\\fig/systemd/user" /etc/systemd/user`;
  expect(listedIn(shown)).toEqual([String.raw`/home/a $c'o"n\fig/systemd/user`, "/etc/systemd/user"]);
  expect(listedIn("")).toEqual([]);
});
