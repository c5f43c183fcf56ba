import { lingers } from "../../adapters/logind.ts";
import { shellWord } from "../../core/shell.ts";
import type { Check } from "../check.ts";

export const loginLinger: Check = {
  id: "login.linger",
  title: "the fleet stays when the user logs out (lingering is enabled)",
  pre: true,
  explain: {
    checks:
      "The property Linger that logind has of the user, else logind's mark, /var/lib/systemd/linger/USER. No exit code is believed.",
    why: "Without lingering the user manager is started at the first login and ended, with every agent and the tmux server, when the last session logs out. After a reboot nothing runs until somebody logs in.",
    mend: "`loginctl enable-linger`, which most machines allow a user for oneself; else `loginctl enable-linger USER` as root.",
  },
  async run(tools) {
    const { host } = tools;
    const linger = await lingers(host, host.user.name, await tools.systemBus());
    if (linger === true) return { status: "pass" };
    if (linger === undefined) {
      if (await tools.booted()) throw new Error("neither logind nor its marks say whether lingering is enabled");
      return { status: "skip", reason: "no logind runs here, so no logout ends the user manager" };
    }
    const running = "manager" in (await tools.userManager()) ? await agentsUp(tools.agentUnits()) : 0;
    const agents =
      running === 0 ? "every agent" : running === 1 ? "the running agent" : `all ${running} running agents`;
    return {
      status: "warn",
      message: `lingering is off: the user manager, and ${agents} with it, ends when the last session logs out, and starts at no boot`,
      fix: { actions: [{ kind: "linger" }], root: [`loginctl enable-linger ${shellWord(host.user.name)}`] },
    };
  },
};

async function agentsUp(units: Promise<readonly { readonly active: string }[]>): Promise<number> {
  return (await units).filter(({ active }) => active === "active").length;
}
