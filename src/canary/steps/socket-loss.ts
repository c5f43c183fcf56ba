import type { DoctorReport } from "../../doctor/report.ts";
import { expect, type Fleet, type Step } from "../step.ts";
import { proveHolder } from "./holder.ts";
import { ensureUp, proveUntouched } from "./support.ts";

const CHECK = "tmux.socket";

export const socketLoss: Step = {
  id: "socket-loss",
  title: "a socket that vanished is noticed by doctor, and comes back with --fix: same server, same agents",
  limitMs: 40_000,
  requires: ["agent"],
  disturbsOthers: true,
  async run(fleet) {
    const before = await ensureUp(fleet, fleet.first);
    const { pid, socketPath } = await proveHolder(fleet);
    await fleet.host.files.removeFile(socketPath);
    try {
      const { fixes, checks, verdict } = await doctor(fleet);
      const status = checks.find(({ id }) => id === CHECK)?.status ?? "not looked at";
      if (status === "unknown" || status === "blocked") throw new Error(`doctor could not tell: ${CHECK} is ${status}`);
      const found = fixes.some((fix) => fix.for.includes(CHECK));
      expect(found, "doctor did not notice that the server's socket was gone", {
        check: status,
      });
      expect(verdict === "pass", "doctor --fix did not bring the socket back", {
        fixes: fixes.map(({ command, outcome, message }) => `${command}: ${message ?? outcome}`),
      });
      await proveUntouched(fleet, fleet.first, before, pid, "after the socket came back");
      await proveHolder(fleet);
      return { socket: socketPath, server: pid, fixed: fixes.map(({ command }) => command) };
    } finally {
      // Whatever doctor did: the steps that come are about something else.
      if ((await fleet.host.files.status(socketPath)) === undefined) fleet.host.kill(pid, "SIGUSR1");
    }
  },
};

/** What the program itself finds, as its user would type it. */
async function doctor({ host }: Fleet): Promise<DoctorReport> {
  const argv = [...host.itself, "doctor", "--only", CHECK, "--fix", "--yes", "-o", "json"];
  const result = await host.exec(argv, { timeoutMs: 30_000 });
  try {
    return JSON.parse(result.stdout) as DoctorReport;
  } catch {
    throw new Error(`doctor printed no document (${result.kind}): ${result.stderr.trim()}`);
  }
}
