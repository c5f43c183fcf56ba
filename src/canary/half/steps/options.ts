import { SERVER_OPTIONS, serverOption } from "../../../core/server-options.ts";
import { expect, type Step } from "../../step.ts";
import type { Half } from "../half.ts";

export const options: Step<Half> = {
  id: "options",
  title: "the server has the options that keep it and its sessions alive",
  limitMs: 10_000,
  requires: ["server"],
  beside: true,
  async run({ tmux }) {
    const look = await tmux.look();
    expect(look !== undefined, "no tmux server answers on the fleet's socket");
    const off = SERVER_OPTIONS.filter(({ name, holds }) => !holds(serverOption(look.options, name)));
    expect(off.length === 0, `options are not in force: ${off.map(({ name }) => name).join(", ")}`, {
      otherwise: off.map(({ name, wanted, otherwise }) => `${name} is not ${wanted}: ${otherwise}`),
    });
    return { "in force": SERVER_OPTIONS.map(({ name }) => name) };
  },
};
