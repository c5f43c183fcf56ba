import { type Manager, managerOn } from "../../adapters/manager.ts";
import { HOLDER_UNIT } from "../../core/names.ts";
import { shellWord } from "../../core/shell.ts";
import type { Check } from "../check.ts";

const SETTINGS = ["ManagedOOMMemoryPressure", "ManagedOOMSwap"] as const;

/** A unit below which systemd-oomd chooses what to end. */
interface Watched {
  readonly unit: string;
  readonly setting: (typeof SETTINGS)[number];
  /** Whose manager has it. */
  readonly owner: "user" | "system";
}

export const systemdOomd: Check = {
  id: "systemd.oomd",
  title: "systemd-oomd leaves the holder alone",
  pre: true,
  requires: ["systemd.user-manager"],
  explain: {
    checks:
      "Whether systemd-oomd runs, and the effective ManagedOOMMemoryPressure= and ManagedOOMSwap= of the holder, of the slices above it, of user@UID.service and of the system's slices above that; then the holder's ManagedOOMPreference=.",
    why: "systemd-oomd ends a whole unit, every process at once, whatever OOMPolicy= says. Of an agent that is one agent, which is brought back; of the holder it is the tmux server and with it every session.",
    mend: "`systemctl --user set-property mosaic-tmux-holder.service ManagedOOMPreference=omit` takes the holder out where memory pressure is watched at user@UID.service or below, because those cgroups are the user's own. Of a watch above that, and of every watch on swap, systemd-oomd heeds only units of root's: there only root can end the watch, with `systemctl set-property UNIT ManagedOOMSwap=auto`.",
  },
  async run(tools) {
    const bus = await tools.systemBus();
    if (bus === undefined) {
      if (await tools.booted()) throw new Error("there is no system bus to ask");
      return { status: "skip", reason: "there is no system bus, so no systemd-oomd of this machine" };
    }
    const system = managerOn(bus.to("org.freedesktop.systemd1"));
    if ((await system.property("systemd-oomd.service", "ActiveState")) !== "active")
      return { status: "pass", detail: "systemd-oomd does not run" };
    const found = await tools.userManager();
    if (!("manager" in found)) throw new Error(found.problem.cause);
    const { extra } = await tools.holder();
    const { uid } = tools.host.user;
    const watched = (
      await Promise.all([
        watchedBy("user", found.manager, [HOLDER_UNIT, ...slicesOf(extra.Slice || "app.slice")]),
        watchedBy("system", system, [`user@${uid}.service`, ...slicesOf(`user-${uid}.slice`)]),
      ])
    ).flat();
    const preference = extra.ManagedOOMPreference ?? "none";
    const heeded = ({ setting, owner, unit }: Watched) =>
      setting === "ManagedOOMMemoryPressure" && (owner === "user" || unit === `user@${uid}.service`);
    const spared = preference === "omit" || preference === "avoid";
    const left = watched.filter((each) => !(spared && heeded(each)));
    if (left.length === 0)
      return {
        status: "pass",
        detail: watched.length === 0 ? "nothing of ours is watched" : `the holder is spared (${preference})`,
      };
    // A name such as -.slice looks like an option.
    const assignment = ({ unit, setting }: Watched) =>
      `${unit.startsWith("-") ? "-- " : ""}${shellWord(unit)} ${setting}=auto`;
    return {
      status: "warn",
      message: "when memory runs short systemd-oomd may end the holder, and every session with it",
      evidence: {
        watched: left.map(({ unit, setting }) => `${unit}: ${setting}=kill`),
        "the holder's ManagedOOMPreference": preference,
      },
      fix: {
        commands: [
          ...(left.some(heeded) ? [`systemctl --user set-property ${HOLDER_UNIT} ManagedOOMPreference=omit`] : []),
          ...left
            .filter((each) => each.owner === "user" && !heeded(each))
            .map((each) => `systemctl --user set-property ${assignment(each)}`),
        ],
        root: left
          .filter((each) => each.owner === "system" && !heeded(each))
          .map((each) => `systemctl set-property ${assignment(each)}`),
      },
    };
  },
};

async function watchedBy(owner: Watched["owner"], manager: Manager, units: readonly string[]): Promise<Watched[]> {
  const all = units.flatMap((unit) => SETTINGS.map((setting) => ({ unit, setting, owner })));
  const values = await Promise.all(all.map(({ unit, setting }) => manager.property(unit, setting)));
  return all.filter((_, index) => values[index] === "kill");
}

/** A slice and those above it: a-b.slice lies in a.slice, which lies in -.slice. */
function slicesOf(slice: string): string[] {
  const parts = slice.replace(/\.slice$/, "").split("-");
  return [...parts.map((_, index) => `${parts.slice(0, parts.length - index).join("-")}.slice`), "-.slice"];
}
