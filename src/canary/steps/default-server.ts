import { expect, type Fleet, type Step } from "../step.ts";

export const defaultServer: Step<Pick<Fleet, "defaultServer">> = {
  id: "default-server",
  title: "the user's default tmux server is the same process with the same sessions as before",
  limitMs: 10_000,
  requires: [],
  last: true,
  async run(fleet) {
    const { before, look } = fleet.defaultServer;
    const after = await look();
    expect(after === before, "the user's default tmux server changed while the canary ran", {
      before: before ?? "none ran",
      after: after ?? "none runs",
    });
    return { server: before ?? "none ran, none runs" };
  },
};
