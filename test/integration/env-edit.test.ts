import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { localHost } from "../../src/adapters/local-host.ts";
import { openSandbox } from "../../src/canary/sandbox.ts";
import { editEnvFile, unwritable } from "../../src/core/env-edit.ts";
import { succeeded } from "../../src/core/exec.ts";
import { writeFiles } from "../support/build.ts";

const PIECES = [
  ..."ab='\"\\#;$`~ \t\n\r{}()é漢🦊\u00a0\u2028\ufeff\x01\x1b",
  "\\\n",
  `$\{A}`,
  "$(x)",
  "export ",
  "\r\n",
  "  ",
];

test("systemd reads back exactly what was written, whatever it is", async () => {
  const sandbox = await openSandbox(localHost());
  try {
    const { host } = sandbox;
    let bytes: Uint8Array = new TextEncoder().encode("# mine\nodd line\nK0_OLD='it is \n kept'\n");
    const wanted = new Map<string, string>([["K0_OLD", "it is \n kept"]]);
    // One after the other, so that each edit meets what the others have left; some are written anew.
    for (let index = 0; index < 600; index++) {
      const key = `K${1 + (index % 400)}_`;
      const length = Math.floor(Math.random() * 8);
      const value = Array.from({ length }, () => PIECES[Math.floor(Math.random() * PIECES.length)]).join("");
      if (unwritable(value) !== undefined) throw new Error(JSON.stringify(value));
      const edited = editEnvFile(bytes, new Map([[key, value]]));
      if (edited === undefined) throw new Error(`not written: ${JSON.stringify(value)}`);
      bytes = edited;
      wanted.set(key, value);
    }
    const folder = host.user.home;
    writeFileSync(join(folder, "file.env"), bytes);
    const unit = ["[Service]", "Type=oneshot", `EnvironmentFile=${folder}/file.env`, "ExecStart=/usr/bin/env -0"];
    writeFiles(join(folder, ".config/systemd/user"), {
      "read.service": [...unit, `StandardOutput=truncate:${folder}/read`].join("\n"),
    });
    const started = await host.exec(["systemctl", "--user", "start", "read.service"], { timeoutMs: 60_000 });
    if (!succeeded(started)) throw new Error(started.stderr);
    const read = readFileSync(join(folder, "read"), "utf8").split("\0");
    const found = read.filter((pair) => /^K\d/.test(pair)).map((pair) => pair.split(/=(.*)/s).slice(0, 2));
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(wanted));
  } finally {
    expect(await sandbox.close()).toEqual([]);
  }
}, 60_000);
