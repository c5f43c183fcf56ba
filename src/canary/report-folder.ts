import { dirname, join } from "node:path";
import { describeError, FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import { afterFileError } from "../core/file-error.ts";
import type { Host } from "../core/host.ts";
import { shellWord } from "../core/shell.ts";
import type { Privacy } from "./privacy.ts";
import type { CanaryReport } from "./report.ts";
import { journalOf, lookAround, type Scene, type Sight } from "./scene.ts";

/** What is attached to a bug report: one folder, private, with nothing secret in it. */
export interface ReportFolder {
  /** Looks around where a promise was broken; the first time only. It never throws. */
  look(scene: Scene): Promise<void>;
  /** Has the journal read while it is there. It never throws. */
  listen(scene: Scene): Promise<void>;
  /** Writes all of it. `more`: texts of the caller's, secrets in them are hidden too. Throws FleetError (73). */
  write(report: CanaryReport, more: readonly Sight[]): Promise<void>;
}

/** Throws FleetError (73) unless nothing is at `folder`, or an empty folder of this user's. */
export async function openReportFolder(host: Host, folder: string, { learn, hide }: Privacy): Promise<ReportFolder> {
  await requireOurs(host, folder);
  const since = host.date();
  const sights: Sight[] = [];
  let looked = false;
  const orTold = async (name: string, work: Promise<void>) => {
    await work.catch((error) => {
      sights.push({ name, text: `could not tell: ${describeError(error)}\n` });
    });
  };
  return {
    async look(scene) {
      if (looked) return;
      looked = true;
      await orTold("secrets.txt", learn(scene)); // before anything can change them
      sights.push(...(await lookAround(scene)));
    },
    listen: (scene) =>
      orTold(
        "journal.txt",
        (async () => {
          await learn(scene);
          const text = await journalOf(scene, since);
          if (text !== "") sights.push({ name: "journal.txt", text });
        })(),
      ),
    async write(report, more) {
      await requireOurs(host, folder);
      const files = [
        ...[...sights, ...more].map(({ name, text }) => ({ name, text: hide(text) })),
        { name: "versions.txt", text: hide(await versions(host, report)) },
        { name: "report.json", text: `${JSON.stringify(hide(report), null, 2)}\n` },
      ];
      try {
        await host.files.makeFolder(folder, 0o700);
        await requireOurs(host, folder); // somebody may have been faster
        await host.files.chmod(folder, 0o700);
        for (const { name, text } of files) await host.files.writeNew(join(folder, name), once(text), 0o600);
      } catch (error) {
        if (error instanceof FleetError) throw error;
        throw cannot(folder, describeError(error), afterFileError(error, folder, elsewhere(`${folder}.new`)));
      }
    },
  };
}

async function* once(text: string): AsyncIterable<Uint8Array> {
  yield new TextEncoder().encode(text);
}

function elsewhere(folder: string): string {
  return `mosaic-fleet canary --report ${shellWord(folder)}`;
}

function cannot(folder: string, why: string, next: readonly string[] = [elsewhere(`${folder}.new`)]): FleetError {
  return new FleetError(EXIT.cantcreate, `The report cannot be written to ${folder}`, why, next);
}

async function requireOurs(host: Host, folder: string): Promise<void> {
  const there = await host.files.status(folder).catch((error) => {
    throw cannot(folder, describeError(error));
  });
  if (there === undefined) return requireRoom(host, folder);
  if (there.kind === "link") throw cannot(folder, "it is a symbolic link, which is not followed");
  if (there.kind !== "folder") throw cannot(folder, "something else than a folder is there");
  if (there.uid !== host.user.uid) throw cannot(folder, `it belongs to another user (uid ${there.uid})`);
  if ((await host.files.list(folder)).length > 0) throw cannot(folder, "it is not empty");
}

/** Told now, and not after the run: whether it can be made. */
async function requireRoom(host: Host, folder: string): Promise<void> {
  let above = dirname(folder);
  while ((await host.files.realPath(above)) === undefined) above = dirname(above);
  const real = (await host.files.realPath(above)) ?? above;
  const next = [elsewhere(join(host.user.home, "canary-report"))];
  if ((await host.files.status(real))?.kind !== "folder") throw cannot(folder, `${above} is no folder`, next);
  if (!(await host.files.allows(real, "write"))) throw cannot(folder, `${above} cannot be written`, next);
}

/** Where it ran, as far as it may matter. */
async function versions(host: Host, { environment }: CanaryReport): Promise<string> {
  const read = async (path: string) => (await host.files.read(path).catch(() => undefined)) ?? "unknown\n";
  const known = Object.entries(environment).map(([name, value]) => `${name}: ${value ?? "none"}\n`);
  const mounts = (await read("/proc/self/mountinfo")).split("\n").filter((line) => / - cgroup2? /.test(line));
  return [
    ...known,
    `user: ${host.user.uid}\n`,
    `first process: ${await read("/proc/1/comm")}`,
    `own cgroups:\n${await read("/proc/self/cgroup")}`,
    `cgroup mounts:\n${mounts.join("\n")}\n`,
    `/etc/os-release:\n${await read("/etc/os-release")}`,
  ].join("");
}
