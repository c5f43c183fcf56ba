import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { localHost } from "../../src/adapters/local-host.ts";
import { openSandbox, type Sandbox } from "../../src/canary/sandbox.ts";
import { parseEnvFile } from "../../src/core/env-file.ts";
import { succeeded } from "../../src/core/exec.ts";
import { writeFiles } from "../support/build.ts";
import { envFileCases } from "../support/env-file-cases.ts";

/** Numbers below `limit`, the same ones in every run (xorshift). */
function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

/** Odd files: everything that means something to the reader, more often than what does not. */
function oddFiles(count: number): string[] {
  const next = randomNumbers(0x5eed);
  const pieces = [
    ..."AB=='\"\\\n \t#;$`\rc",
    ...[
      "A=",
      "B=",
      "C=",
      "\n",
      "\nA=",
      "\nB=",
      "\nC=",
      "\r\n",
      "\\\n",
      "\\\r\n",
      "\nexport A=",
      "\n#",
      "é",
      "\u00a0",
      "1",
      "x y",
    ],
  ];
  return Array.from({ length: count }, () =>
    Array.from({ length: 3 + next(22) }, () => pieces[next(pieces.length)]).join(""),
  );
}

/** Until systemd 254 a comment that ends with a backslash went on in the next line: not the same everywhere. */
function dependsOnVersion(text: string): boolean {
  return /[#;].*\\[\r\n]/.test(text);
}

let sandbox: Sandbox;
/** What systemd made of each file. */
let read: Record<string, string>[];
const texts = [...envFileCases.map(([, text]) => text), ...oddFiles(400).filter((text) => !dependsOnVersion(text))];

beforeAll(async () => {
  sandbox = await openSandbox(localHost());
  const { host } = sandbox;
  const folder = join(host.user.home, "files");
  // Ours beside the unit's own: MANAGERPID and the like are in each.
  const all = ["", ...texts];
  writeFiles(folder, Object.fromEntries(all.map((text, index) => [`${index}.env`, text])));
  writeFiles(join(host.user.home, ".config/systemd/user"), {
    "read@.service": [
      "[Service]",
      "Type=oneshot",
      `EnvironmentFile=-${folder}/%i.env`,
      "ExecStart=/usr/bin/env -0",
      `StandardOutput=truncate:${folder}/%i.read`,
      "UnsetEnvironment=INVOCATION_ID SYSTEMD_EXEC_PID",
    ].join("\n"),
  });
  const units = all.map((_, index) => `read@${index}.service`);
  const started = await host.exec(["systemctl", "--user", "start", ...units], { timeoutMs: 60_000 });
  if (!succeeded(started)) throw new Error(started.stderr);
  const variables = await Promise.all(
    all.map(async (_, index) => {
      const text = (await host.files.read(join(folder, `${index}.read`))) ?? "";
      const pairs = text.split("\0").filter((pair) => pair !== "");
      return new Map(pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]));
    }),
  );
  const [own = new Map(), ...rest] = variables;
  read = rest.map((each) => Object.fromEntries([...each].filter(([key]) => !own.has(key))));
}, 120_000);

afterAll(async () => {
  expect(await sandbox?.close()).toEqual([]);
});

/** The variables that our reader finds. */
function ours(text: string): Record<string, string> {
  return Object.fromEntries(parseEnvFile(text).map(({ key, value }) => [key, value]));
}

test("the table of the unit test says what this systemd does", () => {
  expect(envFileCases.map(([what], index) => [what, read[index]])).toEqual(
    envFileCases.map(([what, , variables]) => [what, variables]),
  );
});

test("hundreds of odd files are read as systemd reads them", () => {
  expect(texts.length).toBeGreaterThan(300);
  // A reader that finds nothing, or generated files that hold nothing, would prove nothing.
  expect(read.filter((variables) => Object.keys(variables).length > 0).length).toBeGreaterThan(texts.length / 2);
  expect(texts.map((text) => [text, ours(text)])).toEqual(texts.map((text, index) => [text, read[index] ?? {}]));
});
