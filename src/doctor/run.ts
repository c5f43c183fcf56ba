import { versionsOf } from "../adapters/versions.ts";
import { describeError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import type { Check } from "./check.ts";
import { type CheckReport, type DoctorReport, verdictOf } from "./report.ts";
import { type Tools, toolsOf } from "./tools.ts";

/** Milliseconds until a check that does not end is unknown; above every time-out of the commands inside. */
const CHECK_LIMIT_MS = 30_000;

/** Runs checks at once, each after those that it needs, and reports in the order of the list. */
export async function runDoctor(host: Host, checks: readonly Check[], version: string): Promise<DoctorReport> {
  const started = host.now();
  const tools = toolsOf(host);
  const running = new Map<string, Promise<CheckReport>>();
  const report = (check: Check): Promise<CheckReport> => {
    const known = running.get(check.id);
    if (known !== undefined) return known;
    const needed = checks.filter((each) => check.requires?.includes(each.id));
    const promise = Promise.all(needed.map(report)).then((before) => runCheck(host, check, before, tools));
    running.set(check.id, promise);
    return promise;
  };
  const [reports, versions] = await Promise.all([Promise.all(checks.map(report)), versionsOf(host)]);
  const verdict = verdictOf(reports);
  const summary: Record<string, number> = {};
  for (const { status } of reports) summary[status] = (summary[status] ?? 0) + 1;
  return {
    schemaVersion: 1,
    ok: { pass: true, broken: false, unknown: null, unavailable: null }[verdict],
    verdict,
    summary,
    environment: { binary: version, ...versions },
    checks: reports,
    ms: Math.round(host.now() - started),
  };
}

async function runCheck(host: Host, check: Check, before: readonly CheckReport[], tools: Tools): Promise<CheckReport> {
  const started = host.now();
  const finish = (status: CheckReport["status"], rest: Partial<CheckReport> = {}): CheckReport => ({
    id: check.id,
    area: check.id.slice(0, check.id.indexOf(".")),
    title: check.title,
    status,
    message: null,
    evidence: {},
    fix: [],
    ms: Math.round(host.now() - started),
    ...rest,
  });
  const blockers = before.filter(({ status }) => status !== "pass" && status !== "warn");
  if (blockers.length > 0) {
    const names = blockers.map(({ id }) => id).join(", ");
    // What was left out for a good reason leaves nothing to look at, which is no problem either.
    if (blockers.every(({ status }) => status === "skip")) return finish("skip", { message: `with ${names}` });
    return finish("blocked", { message: `by ${names}` });
  }
  const settled = new AbortController();
  try {
    const result = await Promise.race([
      check.run(tools),
      host.pause(CHECK_LIMIT_MS, settled.signal).then(() => undefined),
    ]);
    if (result === undefined) return finish("unknown", { message: `did not end within ${CHECK_LIMIT_MS / 1000} s` });
    switch (result.status) {
      case "pass":
        return finish("pass", { message: result.detail ?? null });
      case "skip":
        return finish("skip", { message: result.reason });
      default:
        return finish(result.status, {
          message: result.message,
          evidence: JSON.parse(JSON.stringify(result.evidence ?? {})),
          fix: [...result.fix.commands],
        });
    }
  } catch (error) {
    return finish("unknown", { message: `could not tell: ${describeError(error)}` });
  } finally {
    settled.abort();
  }
}
