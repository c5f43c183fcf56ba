import { kernelNumber, limitCheck, type Stock, sysctl } from "../limits.ts";
import { surroundings } from "../virtualization.ts";

const FOLDER = "/proc/sys/kernel/pty";

export const limitsPty = limitCheck({
  id: "limits.pty",
  title: "the kernel has a terminal for every agent",
  explain: {
    checks:
      "/proc/sys/kernel/pty/max against the terminals in use (nr) and those that the agents still take: two each, one for the pane and one for what runs in it. In a container the kernel's reserve is taken off, and a max= option of /dev/pts counts too.",
    why: "Each pane is a terminal. When there is none left, tmux says `fork failed: No space left on device`, and that agent does not start; nor does anybody's ssh login.",
    mend: "Raise kernel.pty.max: `sysctl -w kernel.pty.max=8192`, and the same in a file in /etc/sysctl.d, so that it holds after a reboot. For a container that is done on the machine outside.",
  },
  short: "fail",
  async stocks(tools) {
    const [max, used, mounts, around] = await Promise.all([
      kernelNumber(tools, `${FOLDER}/max`),
      kernelNumber(tools, `${FOLDER}/nr`),
      tools.mounts(),
      surroundings(tools),
    ]);
    // The kernel keeps a reserve for the mount of /dev/pts that it booted with.
    const reserve = around.kind === "container" ? await kernelNumber(tools, `${FOLDER}/reserve`) : 0;
    const stock = {
      used,
      each: 2,
      otherwise: "a start beyond that ends with `fork failed: No space left on device`",
    };
    const stocks: Stock[] = [
      {
        ...stock,
        name: "kernel.pty.max",
        limit: max,
        besides: reserve,
        mend: sysctl("kernel.pty.max"),
      },
    ];
    const option = mounts
      .findLast(({ folder }) => folder === "/dev/pts")
      ?.options.find((each) => each.startsWith("max="));
    if (option !== undefined)
      stocks.push({
        ...stock,
        name: "max= of /dev/pts",
        limit: Number(option.slice("max=".length)),
        mend: (atLeast) => ({ root: [`mount -o remount,max=${atLeast} /dev/pts`] }),
      });
    return stocks;
  },
});
