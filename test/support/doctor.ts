import { expect, test } from "bun:test";
import { dirname } from "node:path";
import type { ExecResult } from "../../src/core/exec.ts";
import type { Host } from "../../src/core/host.ts";
import type { Check } from "../../src/doctor/check.ts";
import { checks } from "../../src/doctor/registry.ts";
import type { CheckReport } from "../../src/doctor/report.ts";
import { runDoctor } from "../../src/doctor/run.ts";
import { binary } from "./build.ts";
import { notPastable } from "./pasted.ts";

type Id = Check["id"];

/** What doctor reports of one check on a host; each remedy can be pasted. */
export async function examine(host: Host, id: Id): Promise<CheckReport> {
  const { report } = await runDoctor(host, checks, { only: [id], version: "0.0.0-test" });
  expect(notPastable(report, host.user.uid === 0)).toEqual([]);
  const [check] = report.checks;
  if (check === undefined) throw new Error(`no check ${id}`);
  return check;
}

/** What a finding must say: the text, and what is to be typed (null: there is nothing that could be). */
interface Finding {
  readonly status: "warn" | "fail";
  readonly message: RegExp;
  readonly fix: RegExp | null;
}

/** Types a remedy into a shell, in which mosaic-fleet is the binary under test. */
export function typed(host: Host, command: string): Promise<ExecResult> {
  return host.exec(["sh", "-c", command], { env: { PATH: `${dirname(binary)}:${host.env.PATH}` } });
}

/** Every check has one of these: where all is well it passes. `body` makes it so and examines. */
export function green(id: Id, where: string, body: () => Promise<CheckReport>): void {
  test(`${id} passes ${where}`, async () => {
    expect(await body()).toMatchObject({ id, status: "pass" });
  });
}

/** Every check has one of these: what is wrong is found, said and remedied. */
export function red(id: Id, when: string, finding: Finding, body: () => Promise<CheckReport>): void {
  test(`${id} finds ${when}`, async () => {
    const report = await body();
    const said = [report, ...report.subjects.filter(({ status }) => status !== "pass")];
    const commands = said.flatMap(({ fix }) => [...fix.commands, ...fix.root.map((command) => `sudo ${command}`)]);
    expect({ ...report, said: said.map(({ message }) => message).join("\n"), commands }).toMatchObject({
      id,
      status: finding.status,
      said: expect.stringMatching(finding.message),
      commands: finding.fix === null ? [] : expect.arrayContaining([expect.stringMatching(finding.fix)]),
    });
  });
}
