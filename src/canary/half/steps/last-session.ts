import { expect, type Step } from "../../step.ts";
import type { Half } from "../half.ts";
import { proveServer } from "../support.ts";

export const lastSession: Step<Half> = {
  id: "last-session",
  title: "the server lives on when its last session is closed",
  limitMs: 15_000,
  requires: ["agent"],
  async run(half) {
    const names = new Set((await half.tmux.panes()).map(({ session }) => session));
    await half.tmux.killSessions([...names]);
    const left = await half.tmux.panes();
    expect(left.length === 0, "sessions that were closed are still there", {
      left: left.map(({ session }) => session),
    });
    const { pid } = await proveServer(half);
    return { "sessions closed": [...names], server: pid };
  },
};
