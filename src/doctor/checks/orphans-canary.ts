import { basename, dirname, join } from "node:path";
import { agentOfUnit, agentUnit, CANARY_PREFIX, CANARY_RUN, SANDBOX_PREFIX } from "../../core/names.ts";
import { shellPath } from "../../core/shell.ts";
import { type Check, type CheckResult, ofSubjects, type SubjectResult } from "../check.ts";
import type { Tools } from "../tools.ts";

/** Where root's sandboxes are made; a user's are in the runtime folder. */
async function memoryFolder({ mounts }: Tools): Promise<string | undefined> {
  const mounted = await mounts();
  return ["/dev/shm", "/run", "/tmp"].find((path) =>
    mounted.some(({ folder, type, options }) => folder === path && type === "tmpfs" && options.includes("rw")),
  );
}

/** Whether the process that is named by pid and start time has gone. */
async function isGone({ procfs }: Tools, pid: number, startTime: string | undefined): Promise<boolean> {
  const now = await procfs.startTime(pid);
  return startTime === undefined ? now === undefined : now !== startTime;
}

/** The kept sandbox in which this runs, as its runtime folder tells, and whose run made it: no leftover, but looked at. */
function ownSandbox({ paths }: Tools): { readonly name: string; readonly pid: string | undefined } | undefined {
  const name = basename(dirname(paths.runtime ?? ""));
  return name.startsWith(SANDBOX_PREFIX) ? { name, pid: name.slice(SANDBOX_PREFIX.length).split("-")[0] } : undefined;
}

/** Agents of canary runs on this fleet that were killed, as their folders, drop-ins and units tell. */
async function leftAgents(tools: Tools): Promise<SubjectResult[]> {
  const { host, paths } = tools;
  if (paths.runtime === undefined) return [];
  const dropIns = join(paths.runtime, "systemd/user");
  const [folders, changed, units] = await Promise.all([
    host.files.list(paths.runtime),
    host.files.list(dropIns),
    tools.userManager().then((found) => ("manager" in found ? tools.agentUnits() : [])),
  ]);
  const ofDropIn = (name: string) => (name.endsWith(".d") ? agentOfUnit(name.slice(0, -2)) : undefined);
  const active = units.flatMap(({ unit, active }) => (active === "inactive" ? [] : (agentOfUnit(unit) ?? [])));
  const names = [...new Set([...folders, ...changed.flatMap((name) => ofDropIn(name) ?? []), ...active])].sort();
  const runs = Map.groupBy(names, (name) => CANARY_RUN.exec(name)?.slice(1, 3).join("-"));
  const found = await Promise.all(
    [...runs].map(async ([run, agents]): Promise<SubjectResult[]> => {
      const [pid, startTime] = run?.split("-") ?? [];
      if (pid === undefined || pid === ownSandbox(tools)?.pid) return [];
      if (!(await isGone(tools, Number(pid), startTime))) return [];
      const running = agents.filter((name) => active.includes(name));
      const ownDropIns = agents.map((name) => `${agentUnit(name)}.d`).filter((name) => changed.includes(name));
      const ownFolders = agents.filter((name) => folders.includes(name));
      const left = [
        count(running.length, "unit that runs", "units that run"),
        count(ownDropIns.length, "drop-in", "drop-ins"),
        count(ownFolders.length, "folder", "folders"),
      ];
      // The canary goes by the folders.
      const commands =
        ownFolders.length > 0
          ? ["mosaic-fleet canary"]
          : [
              ...running.map((name) => `systemctl --user stop ${agentUnit(name)}`),
              ...ownDropIns.map((name) => `rm -rf ${shellPath(join(dropIns, name), host.user.home)}`),
              "systemctl --user daemon-reload",
            ];
      return [
        {
          subject: `${CANARY_PREFIX}${run}`,
          status: "warn",
          message: `a canary run that was killed has left ${left.filter(Boolean).join(", ")}`,
          fix: { commands },
        },
      ];
    }),
  );
  return found.flat();
}

function count(number: number, one: string, many: string): string | undefined {
  return number === 0 ? undefined : number === 1 ? `a ${one}` : `${number} ${many}`;
}

/** Sandboxes whose makers are gone: killed, or kept for a look. */
async function leftSandboxes(tools: Tools): Promise<SubjectResult[]> {
  const { host, paths } = tools;
  const base = host.user.uid === 0 ? await memoryFolder(tools) : paths.runtime;
  if (base === undefined) return [];
  const names = (await host.files.list(base)).filter((name) => name.startsWith(SANDBOX_PREFIX));
  const found = await Promise.all(
    names.map(async (name): Promise<SubjectResult[]> => {
      if (name === ownSandbox(tools)?.name) return [];
      const root = join(base, name);
      const status = await host.files.status(root);
      if (status?.kind !== "folder" || status.uid !== host.user.uid) return [];
      const text = await host.files.read(join(root, "owner.json"));
      // Without one it is being made, or was when its maker was killed: the pid is in its name, too.
      const owner: { pid: number; startTime?: string } =
        text === undefined ? { pid: Number(name.slice(SANDBOX_PREFIX.length).split("-")[0]) } : JSON.parse(text);
      if (!(await isGone(tools, owner.pid, owner.startTime))) return [];
      return [
        {
          subject: root,
          status: "warn",
          message: "a sandbox of a canary run was kept, or its run was killed: its processes and files are still there",
          fix: { commands: ["mosaic-fleet canary --sandbox"] },
        },
      ];
    }),
  );
  return found.flat();
}

export const orphansCanary: Check = {
  id: "orphans.canary",
  title: "no canary run has left anything",
  explain: {
    checks:
      "Folders, drop-ins and units of throwaway agents (mosaic-canary-PID-START) in the runtime folder and the manager, and sandboxes (mosaic-sandbox-PID-…) in the runtime folder or, for root, in /dev/shm, /run and /tmp: whether the process that made them is gone.",
    why: "A canary run clears up behind itself, unless it is killed with SIGKILL or told to keep its sandbox. What it leaves holds memory, and its agents run on in your fleet.",
    mend: "The next run clears what an earlier one left: `mosaic-fleet canary` the agents on the fleet, `mosaic-fleet canary --sandbox` the sandboxes.",
  },
  async run(tools): Promise<CheckResult> {
    const subjects = (await Promise.all([leftAgents(tools), leftSandboxes(tools)])).flat();
    if (subjects.length === 0) return { status: "pass" };
    return ofSubjects(subjects, {
      many: "leftovers",
      healthy: "",
      failing: "canary runs were killed, or kept their sandboxes",
    });
  },
};
