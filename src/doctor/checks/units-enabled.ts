import { agentOfUnit, HOLDER_UNIT } from "../../core/names.ts";
import { readUnitLinks } from "../../fleet/unit-links.ts";
import type { Check } from "../check.ts";

export const unitsEnabled: Check = {
  id: "units.enabled",
  title: "the fleet starts by itself",
  explain: {
    checks:
      "Whether a target wants the holder, or an agent, which brings the holder with it. With lingering that is at boot, without it at the first login.",
    why: "After a reboot nothing of the fleet runs until somebody starts it by hand.",
    mend: "systemctl --user enable mosaic-tmux-holder.service, and the same for each agent that is to run: systemctl --user enable mosaic-agent@NAME.",
  },
  requires: ["units.loaded"],
  async run(tools) {
    const { host } = tools;
    const [holder, { unitPath }] = await Promise.all([tools.holder(), tools.managerState()]);
    // The links themselves: systemd goes by them at boot, and what it says it may have read before they were made.
    const lasting = unitPath.filter((folder) => !/^\/run\//.test(folder) && !isBelow(folder, tools.paths.runtime));
    const { wanted } = await readUnitLinks(host, lasting);
    const agents = [...wanted].flatMap((unit) => agentOfUnit(unit) ?? []).sort();
    // What login.linger judges; here it is only said, where logind's mark can tell.
    const marks = "/var/lib/systemd/linger";
    const lingers = (await host.files.status(`${marks}/${host.user.name}`)) !== undefined;
    const known = lingers || (await host.files.status(marks)) !== undefined;
    const when = lingers ? "at boot" : known ? "at login" : "with the user manager";
    const evidence = { holder: holder.fileState, agents };
    if (wanted.has(HOLDER_UNIT) || agents.length > 0) return { status: "pass", detail: `start ${when}`, evidence };
    const now = (await tools.unitLinks()).wanted.has(HOLDER_UNIT);
    const until = now ? " (the holder is enabled until the next reboot only)" : "";
    return {
      status: "warn",
      message: `neither the holder nor an agent is enabled: nothing of the fleet starts ${when}${until}`,
      evidence,
      // Enabled and stopped it would be broken, and --fix starts nothing.
      fix:
        holder.active === "inactive"
          ? { commands: [`systemctl --user enable --now ${HOLDER_UNIT}`] }
          : { actions: [{ kind: "enable", unit: HOLDER_UNIT }] },
    };
  },
};

function isBelow(path: string, folder: string | undefined): boolean {
  return folder !== undefined && path.startsWith(`${folder}/`);
}
