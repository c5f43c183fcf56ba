import { shellPath } from "../../core/shell.ts";
import { editCommand, folderCommand, isShellish, setCommand } from "../../fleet/setting-commands.ts";
import { counted, type Look, ofAgents } from "../agent-subjects.ts";
import type { Agent } from "../agents.ts";
import type { Check, Fix } from "../check.ts";
import type { Tools } from "../tools.ts";

const KEY = "MOSAIC_AGENT_WORKDIR";

/** What is at a folder's path. */
interface Folder {
  readonly state: "absent" | "dangling" | "no-folder" | "closed" | "there";
  readonly owner: number;
  readonly writable: boolean;
}

export const agentsWorkdir: Check = {
  id: "agents.workdir",
  title: "every agent's working folder is there and can be entered",
  requires: ["systemd.user-manager"],
  explain: {
    checks:
      "`MOSAIC_AGENT_WORKDIR` as the agent's unit gets it, with `~` expanded as the scripts do it; the home folder where it is not set. That it is an absolute path to a folder that this user may enter, and write in.",
    why: "The start script refuses an agent whose folder is not there (exit 66), ten times, and then systemd gives up. A relative path is worse: the script finds it, the pane, which is in it already, does not. A folder of another user's is one in which git refuses to work.",
    mend: "Make the folder with `mkdir -p`, or name another in the agent's file.",
  },
  async run(tools) {
    const looked = new Map<string, Promise<Folder>>();
    const folder = (path: string) => {
      const known = looked.get(path) ?? folderAt(tools, path);
      looked.set(path, known);
      return known;
    };
    return ofAgents(
      tools,
      {
        healthy: (all) => counted(new Set(all.map(({ message }) => message)).size, "working folder"),
        failing: "their working folders are not there or cannot be used",
        settings: true,
        alike: ({ program }) => program,
      },
      async (agent) => look(tools, agent, folder),
    );
  },
};

async function folderAt({ host }: Tools, path: string): Promise<Folder> {
  const { files } = host;
  const none = { owner: 0, writable: false };
  const real = await files.realPath(path);
  if (real === undefined) {
    const own = await files.status(path).catch(() => undefined);
    // What lies behind a closed folder cannot be seen.
    return { ...none, state: own === undefined ? "absent" : own.kind === "link" ? "dangling" : "closed" };
  }
  const status = await files.status(real);
  if (status?.kind !== "folder") return { ...none, state: "no-folder" };
  const [enter, write] = await Promise.all([files.allows(real, "execute"), files.allows(real, "write")]);
  return { state: enter ? "there" : "closed", owner: status.uid, writable: write };
}

async function look(
  tools: Tools,
  { file, program: { workdir } }: Agent,
  folderOf: (path: string) => Promise<Folder>,
): Promise<Look> {
  const { host, paths } = tools;
  const { home, uid } = host.user;
  const settings = await tools.settings();
  // Where it can be changed.
  const place = file?.variables[KEY] === undefined && settings?.variables[KEY] !== undefined ? settings : file;
  const edit: Fix = { commands: [editCommand(place?.real ?? `${paths.site}/fleet.env`, home)] };
  const shown = shellPath(workdir, home);
  // Written for a shell: agents.env-file says what is wrong with it, and this is what mends it.
  const rewrite: Fix | undefined =
    isShellish(workdir) && place !== undefined ? { commands: [await folderCommand(host, place, KEY)] } : undefined;
  const refused = "the agent is refused (exit 66)";
  if (!workdir.startsWith("/"))
    return {
      status: "fail",
      message: `${KEY} is '${workdir}', a relative path: the pane does not find it again, and ends at once (exit 66)`,
      fix:
        rewrite ??
        (place === undefined
          ? edit
          : { commands: [await setCommand(host, place.path, place, KEY, `~/${workdir.replace(/^(\.\/)+/, "")}`)] }),
    };
  const { state, owner, writable } = await folderOf(workdir);
  const evidence = { folder: workdir };
  switch (state) {
    case "absent":
      return {
        status: "fail",
        message: `there is no folder ${shown}: ${refused}`,
        evidence,
        fix: rewrite ?? { commands: [`mkdir -p ${shown}`] },
      };
    case "dangling":
      return { status: "fail", message: `${shown} is a link to nothing: ${refused}`, evidence, fix: edit };
    case "no-folder":
      return { status: "fail", message: `${shown} is no folder: ${refused}`, evidence, fix: edit };
    case "closed":
      return {
        status: "fail",
        message: `${shown} cannot be entered by this user: ${refused}`,
        evidence,
        fix: owner === uid ? { commands: [`chmod u+rwx ${shown}`] } : { commands: [`namei -l ${shown}`] },
      };
    case "there":
      if (!writable)
        return {
          status: "warn",
          message: `this user cannot write in ${shown}: the agent can only read there`,
          evidence: { ...evidence, owner },
          fix: owner === uid ? { commands: [`chmod u+w ${shown}`] } : edit,
        };
      if (owner !== uid)
        return {
          status: "warn",
          message: `${shown} belongs to another user (${owner}): git refuses to work there`,
          evidence: { ...evidence, owner },
          fix: { root: [`chown ${uid} ${shown}`] },
        };
      return { status: "pass", message: shown };
  }
}
