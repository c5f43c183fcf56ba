import { join } from "node:path";
import type { Check } from "../check.ts";

/** This program did not exist before. */
const FLOOR = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;
const FAR_MS = 10 * 365 * DAY_MS;
/** Seconds after boot until a clock that was not set by then is worth a word. */
const PATIENCE = 600;

/** When it was, for sure: files that systems and this program write again and again. */
const MARKS = [
  "/etc/machine-id",
  "/usr/lib/os-release",
  "/usr/lib/clock-epoch",
  "/var/lib/systemd/timesync/clock",
  "/var/lib/dpkg/status",
  "/var/lib/rpm/rpmdb.sqlite",
];

const day = (time: number) => new Date(time).toISOString().slice(0, 10);

export const machineClock: Check = {
  id: "machine.clock",
  title: "the clock can be right",
  pre: true,
  explain: {
    checks:
      "The time of day against when files were last written that systems and this program keep writing (the receipt, the installed files, the package database, the time that systemd-timesyncd keeps). Where systemd-timesyncd runs, whether it has reached a time server (/run/systemd/timesync/synchronized). With another time service nothing is said of that.",
    why: "With a clock that is days off, every TLS connection of an agent is refused, tokens count as expired, and logs tell events in the wrong order.",
    mend: "Switch a time service on (`timedatectl set-ntp true`), let it through the firewall (UDP port 123), or set the clock by hand (`date -s`). In a container or VM mend the host's.",
  },
  async run({ host, paths }) {
    const now = host.date().getTime();
    const tools = (await host.files.list(paths.tools)).map((name) => join(paths.tools, name));
    const written = await Promise.all(
      [...MARKS, paths.receipt, ...tools].map(async (path) => ({
        path,
        at: (await host.files.status(path))?.modified,
      })),
    );
    let newest = { path: "this program's own age", at: FLOOR };
    for (const { path, at = 0 } of written) if (at > newest.at) newest = { path, at };
    const evidence = {
      now: new Date(now).toISOString(),
      newest: new Date(newest.at).toISOString(),
      "newest is": newest.path,
    };
    const fix = { root: ["timedatectl set-ntp true", "timedatectl   # says whether it works"] };
    if (now < newest.at - DAY_MS)
      return {
        status: "fail",
        message: `the clock says ${day(now)}, but it was ${day(newest.at)} already (${newest.path}): TLS and tokens do not work with a wrong clock`,
        evidence,
        fix,
      };
    if (now > newest.at + FAR_MS)
      return {
        status: "fail",
        message: `the clock says ${day(now)}, more than ten years after anything here was written: TLS and tokens do not work with a wrong clock`,
        evidence,
        fix,
      };
    const timesync = "/run/systemd/timesync";
    if ((await host.files.status(timesync)) === undefined) return { status: "pass", evidence };
    if ((await host.files.status(join(timesync, "synchronized"))) !== undefined)
      return { status: "pass", detail: "synchronised", evidence };
    const up = Number(((await host.files.read("/proc/uptime")) ?? "").split(" ")[0]);
    if (!(up > PATIENCE)) return { status: "pass", evidence };
    return {
      status: "warn",
      message: "systemd-timesyncd runs, but has not reached a time server since boot: the clock drifts",
      evidence,
      fix: { commands: ["timedatectl timesync-status"], root: ["systemctl restart systemd-timesyncd.service"] },
    };
  },
};
