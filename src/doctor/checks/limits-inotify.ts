import { kernelNumber, limitCheck, type Stock, sysctl } from "../limits.ts";

/** An agent's program, a language server, a build that watches, a test runner. */
const INSTANCES = 4;
/** Folders of a project of middle size, dependencies left out. */
const WATCHES = 2_000;

const stock = (name: string, each: number, otherwise: string) => ({
  name,
  each,
  otherwise,
  mend: sysctl(`fs.inotify.${name}`),
});

export const limitsInotify = limitCheck({
  id: "limits.inotify",
  title: "every agent may watch its files",
  explain: {
    checks: `fs.inotify.max_user_instances and max_user_watches, which hold for all processes of a user together. ${INSTANCES} instances and ${WATCHES} watches are assumed for each agent. What is in use is not looked at: that would mean to read every open file of every process.`,
    why: "What watches files (agents, language servers, builds) says `ENOSPC: System limit for number of file watchers reached` or `Too many open files`, ends, or sees no changes any more. The usual 128 instances are used up by some thirty agents.",
    mend: "Raise both with sysctl, and in a file in /etc/sysctl.d, so that it holds after a reboot. In a container that is done on the machine outside.",
  },
  short: "warn",
  async stocks(tools) {
    const limits = [
      stock("max_user_instances", INSTANCES, "beyond that a watcher ends with `Too many open files`"),
      stock(
        "max_user_watches",
        WATCHES,
        "beyond that a watcher ends with `ENOSPC: System limit for number of file watchers reached`",
      ),
    ];
    return Promise.all(
      limits.map(
        async (each): Promise<Stock> => ({
          ...each,
          name: `fs.inotify.${each.name}`,
          limit: await kernelNumber(tools, `/proc/sys/fs/inotify/${each.name}`),
        }),
      ),
    );
  },
});
