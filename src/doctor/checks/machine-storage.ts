import { dirname, join } from "node:path";
import { mountOf } from "../../adapters/mounts.ts";
import { largestIn } from "../../core/file-error.ts";
import { shellPath, shellWord } from "../../core/shell.ts";
import { setCommand } from "../../fleet/setting-commands.ts";
import { type Check, type Fix, ofSubjects, type SubjectResult } from "../check.ts";
import { GIB, MIB, size } from "../sizes.ts";
import type { Tools } from "../tools.ts";

/** A folder that a fleet writes to, and what it needs there. */
interface Place {
  readonly subject: string;
  readonly path: string;
  readonly warnBelow: number;
  readonly failBelow: number;
  /** What a mount that runs no programs takes away. */
  readonly noexec?: string;
  /** Where a fleet's own files are: they must be there at boot. */
  readonly lasting?: true;
  /** Nothing makes it: what needs it ends with an error. */
  readonly standing?: true;
  /** What to do about no room, about noexec, and where it is not there, other than root's ways. */
  readonly elsewhere?: readonly string[];
}

/** Agents' transcripts, caches and one build are a gibibyte within a day; 50 MiB do not hold this program. */
const HOME_ROOM = { warnBelow: GIB, failBelow: 50 * MIB };
/** Compilers and archives unpack hundreds of megabytes there. */
const TEMPORARY_ROOM = { warnBelow: 256 * MIB, failBelow: 10 * MIB };
/** An agent keeps a few kilobytes there, and cannot be started without them. */
const RUNTIME_ROOM = { warnBelow: 10 * MIB, failBelow: MIB };
const FEW_INODES = 0.05;
const NO_INODES = 100;

/** File systems that need a network or a login before they are there, by the start of their types. */
const LATE = /^(nfs|cifs|smb|9p|afs|ceph|lustre|beegfs|ncpfs|fuse\.(sshfs|glusterfs|rclone|s3fs)|ecryptfs)/;

async function places(tools: Tools): Promise<Place[]> {
  const { host, paths } = tools;
  const { home } = host.user;
  const managed = "manager" in (await tools.userManager());
  // The panes' own, which this shell's says nothing about once there is a manager.
  const environment = managed ? (await tools.managerState()).environment : host.env;
  const settings = await tools.settings();
  const temporary = settings?.variables.TMPDIR || environment.TMPDIR || "/tmp";
  const instead = join(home, ".cache/agents-tmp");
  return [
    {
      subject: "home folder",
      path: home,
      ...HOME_ROOM,
      noexec: "programs that agents keep there (~/.local/bin, nvm, node_modules/.bin) do",
      lasting: true,
    },
    { subject: "settings", path: paths.config, ...HOME_ROOM, lasting: true },
    { subject: "state", path: paths.state, ...HOME_ROOM, lasting: true },
    {
      subject: "temporary folder",
      path: temporary,
      ...TEMPORARY_ROOM,
      noexec: "programs that unpack parts of themselves there, and builds that run what they have just made, do",
      standing: true,
      elsewhere: [
        `mkdir -p ${shellPath(instead, home)}`,
        await setCommand(host, join(paths.site, "fleet.env"), settings, "TMPDIR", instead),
      ],
    },
    ...(paths.runtime !== undefined && (await host.files.status(paths.runtime)) !== undefined
      ? [{ subject: "runtime folder", path: paths.runtime, ...RUNTIME_ROOM }]
      : []),
  ];
}

interface Problem {
  readonly status: "warn" | "fail";
  readonly message: string;
  readonly fix: Fix;
}

/** The nearest folder that is there, without links: what a new one would be made in. */
async function nearest(tools: Tools, path: string): Promise<string> {
  for (let folder = path; folder !== "/"; folder = dirname(folder)) {
    const real = await tools.host.files.realPath(folder);
    if (real !== undefined) return real;
  }
  return "/";
}

/** `seen`: mounts whose room, options and type were told with an earlier place. */
async function examine(tools: Tools, place: Place, seen: Set<string>): Promise<SubjectResult> {
  const { files, user } = tools.host;
  if (place.standing && (!place.path.startsWith("/") || (await files.realPath(place.path)) === undefined))
    return {
      subject: place.subject,
      status: "fail",
      message: `there is no folder ${shellPath(place.path, user.home)}: programs that make temporary files end with an error`,
      evidence: { TMPDIR: place.path },
      fix: { commands: place.elsewhere ?? [] },
    };
  const folder = await nearest(tools, place.path);
  const mount = mountOf(await tools.mounts(), folder);
  const problems: Problem[] = [];
  const shown = shellPath(folder, user.home);
  const [space, writes, enters] = await Promise.all([
    files.space(folder),
    files.allows(folder, "write"),
    files.allows(folder, "execute"),
  ]);
  const evidence = {
    folder,
    "mounted at": mount?.folder ?? "unknown",
    type: mount?.type ?? "unknown",
    left: size(space.freeBytes),
    ...(space.inodes > 0 ? { "inodes left": space.freeInodes } : {}),
  };
  if (mount?.options.includes("ro"))
    problems.push({
      status: "fail",
      message: `${folder} cannot be written: ${mount.folder} is mounted read-only (ro)`,
      fix: { root: [`mount -o remount,rw ${shellWord(mount.folder)}`] },
    });
  else if (!writes || !enters)
    problems.push({
      status: "fail",
      message: `${folder} cannot be written by ${user.name}`,
      fix:
        (await files.status(folder))?.uid === user.uid
          ? { commands: [`chmod u+rwx ${shown}`] }
          : place.lasting
            ? { root: [`chown ${user.uid} ${shellWord(folder)}`] }
            : { commands: place.elsewhere ?? [] },
    });
  if (mount === undefined || !seen.has(mount.folder)) {
    if (mount !== undefined) seen.add(mount.folder);
    problems.push(...ofMount(tools, place, folder, mount, space));
  }
  const healthy = `${size(space.freeBytes)} left`;
  return {
    subject: place.subject,
    status: problems.some(({ status }) => status === "fail") ? "fail" : problems.length > 0 ? "warn" : "pass",
    message: problems.map(({ message }) => message).join("; ") || healthy,
    evidence,
    fix: {
      commands: problems.flatMap(({ fix }) => fix.commands ?? []),
      root: problems.flatMap(({ fix }) => fix.root ?? []),
    },
  };
}

function ofMount(
  { host: { user } }: Tools,
  place: Place,
  folder: string,
  mount: ReturnType<typeof mountOf>,
  space: { readonly freeBytes: number; readonly freeInodes: number; readonly inodes: number },
): Problem[] {
  const problems: Problem[] = [];
  const where = mount?.folder ?? folder;
  if (space.freeBytes < place.warnBelow)
    problems.push({
      status: space.freeBytes < place.failBelow ? "fail" : "warn",
      message: `${size(space.freeBytes)} are left on ${where}: agents end where they cannot write`,
      fix: { commands: [largestIn(shellWord(where))] },
    });
  if (space.inodes > 0 && (space.freeInodes < NO_INODES || space.freeInodes < space.inodes * FEW_INODES))
    problems.push({
      status: space.freeInodes < NO_INODES ? "fail" : "warn",
      message: `${space.freeInodes} of ${space.inodes} inodes are left on ${where}: soon no file can be made there, whatever room there is`,
      fix: { commands: [`du -x --inodes -d 2 ${shellWord(where)} 2>/dev/null | sort -n | tail -n 20`] },
    });
  if (mount?.options.includes("noexec") && place.noexec !== undefined)
    problems.push({
      status: "warn",
      message: `${where} is mounted noexec: the fleet's own scripts run all the same, but ${place.noexec} not`,
      fix: {
        ...(place.elsewhere === undefined ? {} : { commands: place.elsewhere }),
        root: [`mount -o remount,exec ${shellWord(where)}   # and take noexec out of its line in /etc/fstab`],
      },
    });
  if (mount !== undefined && place.lasting && LATE.test(mount.type)) {
    const dropIn = `/etc/systemd/system/user@${user.uid}.service.d`;
    problems.push({
      status: "warn",
      message: `${folder} is on ${mount.type}: at boot the user manager may start before it is there, and locks on it may not hold`,
      fix: {
        root: [
          `mkdir -p ${dropIn}`,
          // The folder stands outside of the quotes: it may be shown as ~, which is for the user's own shell to expand.
          `sh -c 'printf "[Unit]\\nRequiresMountsFor=\\"%s\\"\\n" "$1" >${dropIn}/60-mosaic-home.conf' sh ${shellWord(where)}`,
          "systemctl daemon-reload",
        ],
      },
    });
  }
  return problems;
}

export const machineStorage: Check = {
  id: "machine.storage",
  title: "home, settings, state, temporary and runtime folders take what a fleet writes",
  pre: true,
  explain: {
    checks:
      "HOME, the folders of settings and state, the temporary folder that panes get (TMPDIR of fleet.env or of the user manager, else /tmp) and the runtime folder: whether this user may write there, that the temporary folder is there, how they are mounted (read-only, noexec, over a network), and what room is left. Less than 1 GiB in HOME or 256 MiB in the temporary folder is a warning, less than 50 or 10 MiB a failure; so are less than 5 % of the inodes, or less than 100.",
    why: "Agents write transcripts, caches and builds, and end or lose work where they cannot. With noexec their own programs do not run from there. A home folder that comes over a network, or is unlocked by a login, may not be there yet when lingering starts the fleet at boot.",
    mend: "Make room, mount with exec and rw, or give the panes another temporary folder (TMPDIR in fleet.env). For a home folder on a network let user@.service wait for the mount (RequiresMountsFor=).",
  },
  async run(tools) {
    const seen = new Set<string>();
    const subjects: SubjectResult[] = [];
    for (const place of await places(tools)) subjects.push(await examine(tools, place, seen));
    return ofSubjects(subjects, {
      many: "folders",
      healthy: subjects[0]?.message ?? "",
      failing: "do not take what a fleet writes",
    });
  },
};
