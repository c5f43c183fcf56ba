import { shellWord } from "../../core/shell.ts";
import type { Check } from "../check.ts";

export const machineHome: Check = {
  id: "machine.home",
  title: "HOME is this user's own home folder",
  pre: true,
  explain: {
    checks:
      "HOME of this shell against the HOME that the user manager gives to units and, where no manager answers, against the user's line in /etc/passwd; that the folder is there, and whose it is.",
    why: "`sudo -E`, `su` that keeps the environment, and services with settings of their own leave another user's HOME in place. What is installed then lands where the user manager of this user never looks, and may belong to the wrong user in the other one's home.",
    mend: "Start a login shell of the user instead (`sudo -iu USER`, `su - USER`, `machinectl shell USER@`), or set HOME by hand.",
  },
  async run(tools) {
    const { host } = tools;
    const { home, uid, name } = host.user;
    const passwd = ((await host.files.read("/etc/passwd")) ?? "")
      .split("\n")
      .map((line) => line.split(":"))
      .find((fields) => fields[2] === String(uid))?.[5];
    const managed =
      "manager" in (await tools.userManager()) ? (await tools.managerState()).environment.HOME : undefined;
    const own = managed ?? passwd;
    const source = managed === undefined ? "/etc/passwd" : "the user manager";
    const place = async (path: string) => (await host.files.realPath(path)) ?? path;
    const status = await host.files.status(await place(home));
    const evidence = {
      "HOME belongs to user": status?.uid ?? "not there",
      "/etc/passwd": passwd ?? `does not know user ${uid}`,
      "user manager": managed ?? "does not say",
    };
    const fix = {
      commands: own === undefined ? ["cd && pwd   # after a new login"] : [`export HOME=${shellWord(own)}`],
    };
    const isFolder = async (path: string) => (await host.files.status(await place(path)))?.kind === "folder";
    if (own !== undefined && (await place(own)) !== (await place(home)) && !(await isFolder(own)))
      return {
        status: "fail",
        message: `${source} has ${own} as the home of ${name}, and there is no such folder: the fleet cannot be installed there`,
        evidence,
        fix: { root: [`usermod -d ${shellWord(home)} ${shellWord(name)}   # while nothing of this user's runs`] },
      };
    if (own !== undefined && (await place(own)) !== (await place(home)))
      return {
        status: "fail",
        // HOME itself is shown as ~, whatever it is.
        message: `HOME is not ${own}, which ${source} has for ${name} (${host.env.HOME === undefined ? "it is not set in this shell" : "is this sudo -E, or su without a dash?"}): what is installed here is not what the fleet runs on`,
        evidence,
        fix,
      };
    if (status?.kind !== "folder")
      return {
        status: "fail",
        message: `HOME is ${home}, and there is no such folder`,
        evidence,
        fix: { root: [`install -d -m 700 -o ${uid} ${shellWord(home)}`] },
      };
    if (status.uid !== uid)
      return {
        status: "warn",
        message: `${home} belongs to user ${status.uid}, who can change what this user's fleet runs`,
        evidence,
        fix: { root: [`chown ${uid} ${shellWord(home)}`] },
      };
    if (own === undefined)
      return { status: "skip", reason: `/etc/passwd does not know user ${uid}, and no user manager says its HOME` };
    return { status: "pass", evidence };
  },
};
