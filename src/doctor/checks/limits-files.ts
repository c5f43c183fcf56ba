import { HOLDER_UNIT } from "../../core/names.ts";
import { amount, dropIn, kernelNumber, limitCheck, managerPid, type Stock, sysctl } from "../limits.ts";
import type { Tools } from "../tools.ts";

/** A server has nine to begin with, and three for each viewer. */
const SERVER = 64;
/** Measured: one for each pane; the other for a client that starts or watches it. */
const PER_PANE = 2;
/** An agent's own program, its children, their pipes and libraries. */
const PER_AGENT = 300;

export const limitsFiles = limitCheck({
  id: "limits.files",
  title: "the tmux server and the agents may open the files that they need",
  explain: {
    checks: `LimitNOFILE= of the holder as the manager has it, which an ordinary user's manager cannot lift over its own hard limit; the running server's limit and its open files in /proc; and fs.file-max against the files that are open on the machine. A pane costs the server one file, and ${PER_PANE} are counted; an agent with what it runs is counted with ${PER_AGENT}.`,
    why: "At its limit the tmux server spins at full speed and answers nobody: every client hangs, and no agent can be started, stopped or watched. With the usual 1024 that is at about 1,000 panes. Panes have the same limit as their server.",
    mend: "Take a drop-in away that lowers LimitNOFILE= of the holder. A server that runs is healed at once with `prlimit --pid PID --nofile=65536`. The manager's own limit is LimitNOFILE= of user@.service, fs.file-max a sysctl.",
  },
  short: "fail",
  async stocks(tools) {
    const { uid } = tools.host.user;
    const stocks: Stock[] = [
      {
        name: "fs.file-max",
        limit: await kernelNumber(tools, "/proc/sys/fs/file-max"),
        used: await kernelNumber(tools, "/proc/sys/fs/file-nr"),
        each: PER_AGENT,
        otherwise: "beyond that nobody can open a file (Too many open files in system)",
        mend: sysctl("fs.file-max"),
      },
    ];
    const otherwise = "at its limit the server answers nobody, and every client hangs";
    const pid = await managerPid(tools);
    const hard = await openFiles(tools, pid ?? tools.host.pid, "hard");
    stocks.push({
      name: pid === undefined ? "open files (hard limit of this shell)" : "open files (hard limit of the user manager)",
      limit: hard,
      besides: SERVER,
      each: PER_PANE,
      otherwise,
      mend: () => ({
        root: [
          "mkdir -p /etc/systemd/system/user@.service.d",
          "sh -c 'printf \"[Service]\\nLimitNOFILE=524288\\n\" >/etc/systemd/system/user@.service.d/60-mosaic-files.conf'",
          "systemctl daemon-reload",
          `systemctl restart user@${uid}.service   # ends everything that runs in it`,
        ],
      }),
    });
    if (pid === undefined) return stocks;
    const holder = await tools.holder();
    if (holder.load !== "loaded") return stocks;
    stocks.push({
      name: `LimitNOFILE of ${HOLDER_UNIT}`,
      limit: amount(holder.extra.LimitNOFILESoft),
      besides: SERVER,
      each: PER_PANE,
      otherwise,
      mend: () =>
        dropIn(tools, HOLDER_UNIT, "LimitNOFILE=65536", [
          `systemctl --user restart ${HOLDER_UNIT}   # restarts every agent`,
        ]),
    });
    const server = holder.active === "active" ? holder.mainPid : 0;
    if (server > 0) {
      const most = await openFiles(tools, server, "hard");
      stocks.push({
        name: "open files of the tmux server",
        limit: await openFiles(tools, server, "soft"),
        used: (await tools.host.files.list(`/proc/${server}/fd`)).length,
        each: PER_PANE,
        otherwise,
        // An ordinary user lifts a soft limit up to the hard one.
        mend: (atLeast) =>
          atLeast > most
            ? { root: [`prlimit --pid ${server} --nofile=${atLeast}:${atLeast}`] }
            : { commands: [`prlimit --pid ${server} --nofile=${atLeast}:${most}`] },
      });
    }
    return stocks;
  },
});

async function openFiles(tools: Tools, pid: number, which: "soft" | "hard"): Promise<number> {
  const text = (await tools.host.files.read(`/proc/${pid}/limits`)) ?? "";
  const [, soft, hard] = /^Max open files\s+(\S+)\s+(\S+)/m.exec(text) ?? [];
  const value = which === "soft" ? soft : hard;
  if (value === undefined) throw new Error(`/proc/${pid}/limits says nothing of open files`);
  return value === "unlimited" ? Number.POSITIVE_INFINITY : Number(value);
}
