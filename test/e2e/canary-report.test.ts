import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { canaryReportSchema } from "../../src/canary/schema.ts";
import { CANARY_FORMATS } from "../../src/cli/report/canary.ts";
import { behindMounts, binary, run, temporaryFolder } from "../support/build.ts";
import { openFleet, type TestFleet } from "../support/fleet.ts";
import { canaryOf } from "../support/sabotage.ts";

// `canary --report DIR`: what is attached to a bug report, and what must not be in it.

let outside: ReturnType<typeof temporaryFolder>;
let folder: string;
beforeEach(() => {
  outside = temporaryFolder();
  folder = join(outside.path, "report");
});
afterEach(() => outside[Symbol.dispose]());

function filesOf(path: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(path)
      .sort()
      .map((name) => [name, readFileSync(join(path, name), "utf8")]),
  );
}

describe("on an installed fleet", () => {
  const secrets = {
    inFleetEnv: "plain-name-but-private-1",
    inAgentEnv: "sk-ant-2222222222222222",
    ofCaller: "callers-own-33333333",
    ofManager: "managers-own-44444444",
    inDropIn: "plain name in a unit 5",
    inOwnFile: "plain-name-in-a-file-of-their-own-6",
  };
  let fleet: TestFleet;
  beforeAll(async () => {
    fleet = await openFleet();
    const { files } = fleet.host;
    await files.writeAtomic(join(fleet.paths.site, "fleet.env"), `ACME_LICENCE=${secrets.inFleetEnv}\n`, 0o600);
    await fleet.agent("worker", { WORKER_API_KEY: secrets.inAgentEnv });
    await fleet.systemctl("set-environment", `MANAGER_TOKEN=${secrets.ofManager}`);
    const own = join(fleet.root, "their-own.env");
    await files.writeAtomic(own, `ACME_REGION=${secrets.inOwnFile}\n`, 0o600);
    await fleet.dropIn(
      "mosaic-agent@.service",
      `[Service]\nEnvironment="ACME_PIN=${secrets.inDropIn}"\nEnvironmentFile=${own}\n`,
    );
    // What a user has done to a script of ours: agents lose a variable, and show all the others on their screens.
    const script = join(fleet.paths.tools, "agent-pane.sh");
    const text = (await files.read(script)) ?? "";
    await files.writeAtomic(script, text.replace("set +u\n", "set +u\nunset MOSAIC_CANARY_DIFFICULT\nenv\n"), 0o755);
  });
  afterAll(() => fleet.close());

  const canary = (...words: string[]) =>
    fleet.host.exec([binary, "canary", "--only", "environment", ...words], {
      timeoutMs: 60_000,
      env: { CALLER_SECRET: secrets.ofCaller },
    });

  test("a broken promise leaves one private folder, without a secret in any file", async () => {
    const result = await canary("--report", folder);
    expect(result).toMatchObject({ kind: "exited", code: 1 });
    expect(result.stderr).toStartWith(`The report is in ${folder}: attach it to a bug report.\n`);
    const files = filesOf(folder);
    // What the manager has said is in a journal that is not read here; scripts that have nothing to say leave none.
    expect(Object.keys(files).filter((name) => name !== "journal.txt")).toEqual([
      ...["cgroups.txt", "processes.txt", "report.json", "summary.md", "tmux.txt", "units.txt", "versions.txt"],
    ]);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const name of Object.keys(files))
      expect([name, statSync(join(folder, name)).mode & 0o777]).toEqual([name, 0o600]);

    // The screens had them all.
    expect(files["tmux.txt"]).toMatch(/^MOSAIC_AGENT_NAME=mosaic-canary-/m);
    expect(files["tmux.txt"]).toContain("ACME_LICENCE=[redacted]");
    expect(files["tmux.txt"]).toContain("MOSAIC_CANARY_SECRET=[redacted]");
    for (const name of ["units.txt", "tmux.txt"]) expect(files[name]).toContain("ACME_PIN=[redacted]");
    expect(files["tmux.txt"]).toContain("exit-empty off");
    for (const secret of Object.values(secrets))
      for (const [name, text] of Object.entries(files))
        expect(text.includes(secret) ? `${name}: ${secret}` : "").toBe("");

    expect(files["units.txt"]).toContain("ExecStart=/bin/sh %E/mosaic/tools/fleet/start-agent-session.sh %i");
    expect(files["units.txt"]).toMatch(/^Id=mosaic-tmux-holder\.service$/m);
    expect(files["processes.txt"]).toMatch(/^\d+ parent \d+ tmux: server \|/m);
    expect(files["cgroups.txt"]).toMatch(/mosaic-tmux-holder\.service.*: processes \d+/);
    expect(files["versions.txt"]).toMatch(/^tmux: \d/m);
    expect(files["summary.md"]).toContain("variables of the unit did not reach the agent");
    const report = canaryReportSchema.parse(JSON.parse(files["report.json"] ?? ""));
    expect(report.steps.find(({ status }) => status === "fail")?.id).toBe("environment");
  });

  test("nor is one in what it prints, in whatever format", async () => {
    // Of a start that fails the canary shows what systemctl status says: its command lines, too.
    const dropIn = join(fleet.paths.runtime ?? "", "systemd/user/mosaic-agent@.service.d/60-says.conf");
    const words = Object.values(secrets).map((secret) => `"${secret}"`);
    const says = `/bin/sh -c 'exit 1' says ${words.join(" ")} end`;
    await fleet.host.files.writeAtomic(dropIn, `[Service]\nExecStartPre=${says}\n`, 0o644);
    for (const format of CANARY_FORMATS) {
      const result = await canary("-o", format);
      const printed = result.stdout + result.stderr;
      expect(result).toMatchObject({ kind: "exited", code: 1 });
      expect([format, printed]).toEqual([format, expect.stringContaining("did not start")]);
      // Evidence is left out where a format has no room for it.
      if (["human", "json", "junit", "tap"].includes(format))
        expect(printed.replace(/\s+/g, " ")).toContain(`says ${words.map(() => "[redacted]").join(" ")} end`);
      for (const secret of Object.values(secrets))
        expect(printed.includes(secret) ? `${format}: ${secret}` : "").toBe("");
    }
    await fleet.host.files.removeFile(dropIn);
    await fleet.systemd.daemonReload();
  });

  test("agents of the user's are no more than names in it", async () => {
    await fleet.agent("private", { MOSAIC_AGENT_COMMAND: "sh -c 'echo what-i-work-on; exec sleep 7777'" });
    await fleet.systemctl("start", "mosaic-agent@private");
    await fleet.up("private");
    expect(await canary("--report", folder)).toMatchObject({ kind: "exited", code: 1 });
    const all = Object.values(filesOf(folder)).join("");
    expect(all).toContain("mosaic-agent@private.service");
    expect(all).not.toMatch(/what-i-work-on|sleep 7777/);
    await fleet.systemctl("stop", "mosaic-agent@private");
  });

  test("a run that ends well writes nothing and says nothing", async () => {
    const result = await fleet.host.exec([binary, "canary", "--only", "agent", "--report", folder], {
      timeoutMs: 60_000,
    });
    expect(result).toMatchObject({ kind: "exited", code: 0, stderr: "" });
    expect(existsSync(folder)).toBe(false);
  });
});

describe("it is refused before anything is tried (73)", () => {
  const cases: [what: string, make: string, why: RegExp][] = [
    ["a folder with something in it", 'mkdir "$0" && touch "$0/mine"', /is not empty/],
    ["a file", 'touch "$0"', /something else than a folder/],
    [
      "a link, wherever it leads, with a slash behind it or not",
      'mkdir "$0.there" && ln -s "$0.there" "$0"',
      /symbolic link/,
    ],
  ];
  if (process.getuid?.() === 0)
    cases.push(["another user's folder", 'mkdir "$0" && chown 65534 "$0"', /belongs to another user/]);
  for (const [what, make, why] of cases) {
    test(what, () => {
      expect(run(["sh", "-c", make, folder]).code).toBe(0);
      for (const path of [folder, `${folder}/`]) {
        const { code, stdout, stderr } = run([binary, "canary", "--level", "tmux", "--report", path]);
        expect(stderr).toMatch(why);
        expect(stderr).toContain(`Next: mosaic-fleet canary --report ${folder}.new`);
        expect([code, stdout]).toEqual([73, ""]);
      }
    });
  }
});

test("a name that is empty, as of a variable that is not set, is no name of the current folder", () => {
  const { code, stdout, stderr } = run([binary, "canary", "--level", "tmux", "--report", ""], { cwd: outside.path });
  expect(stderr).toContain("--report needs the name of a folder");
  expect([code, stdout]).toEqual([64, ""]);
});

test("where it cannot be made that is said before anything is tried, too", () => {
  writeFileSync(folder, "");
  const { code, stderr } = run([binary, "canary", "--level", "tmux", "--report", join(folder, "deeper/still")]);
  expect(stderr).toContain(`Why:  ${folder} is no folder`);
  expect(stderr).not.toContain(".new"); // that cannot be made either
  expect(code).toBe(73);
});

test.skipIf(process.getuid?.() !== 0)(
  "where there is no room for it, or only to read, what is typed is not the same place again; the verdict stays",
  () => {
    const tried = (options: string) =>
      run(
        [...behindMounts(`mount -t tmpfs -o ${options} none ${outside.path}`), binary, "canary", "--report", folder],
        {
          env: { PATH: "/usr/bin:/bin:/usr/sbin:/sbin", HOME: "/root", XDG_RUNTIME_DIR: "/nonexistent" },
        },
      );
    const full = tried("size=4k,nr_inodes=3");
    expect(full.stderr).toContain("no space left on device");
    expect(full.stderr).toContain(`Next: df -h ${folder}`);
    expect(full.code).toBe(69);
    const readOnly = tried("ro");
    expect(readOnly.stderr).toContain("Next: mosaic-fleet canary --report /root/canary-report\n");
    expect(readOnly.code).toBe(73);
  },
);

test("where nothing could be tried it says at least where that was", () => {
  const { code, stderr } = run([binary, "canary", "--report", folder], {
    env: { PATH: "/nonexistent", HOME: "/nonexistent" },
  });
  expect(code).toBe(69);
  expect(stderr).toContain("The report is in");
  expect(Object.keys(filesOf(folder))).toEqual(["report.json", "summary.md", "versions.txt"]);
});

test("an empty folder of one's own is taken, and is private from then on; the tmux half leaves what it has", async () => {
  mkdirSync(folder, { mode: 0o755 });
  const { code, stderr } = await canaryOf(
    [["agent-pane.sh", "set +u\n", "set +u\nunset MOSAIC_CANARY_DIFFICULT\n"]],
    ...["--level", "tmux", "--only", "environment", "--report", folder],
  );
  expect(code).toBe(1);
  expect(stderr).toContain("The report is in");
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  const files = filesOf(folder);
  expect(Object.keys(files)).toEqual(["processes.txt", "report.json", "summary.md", "tmux.txt", "versions.txt"]);
  expect(files["processes.txt"]).toContain("tmux: server");
  expect(files["summary.md"]).toStartWith("# mosaic-fleet canary --level tmux: broken");
  expect(files["summary.md"]).toContain(
    "not tried with --level tmux, which tries the tmux half alone: no pass of the whole",
  );
  expect(JSON.parse(files["report.json"] ?? "")).toMatchObject({ verdict: "broken", level: "tmux" });
});

test("of a sandbox it has what its manager has said of the units, too", async () => {
  const { code } = await canaryOf(
    [["agent-pane.sh", "set +u\n", "set +u\nunset MOSAIC_CANARY_DIFFICULT\n"]],
    ...["--sandbox", "--only", "environment", "--report", folder],
  );
  expect(code).toBe(1);
  expect(filesOf(folder)["journal.txt"]).toMatch(/ systemd\[\d+\]: Started .*Mosaic agent mosaic-canary-/m);
});
