import { lingers } from "../../adapters/loginctl.ts";
import type { Check } from "../check.ts";

export const loginLinger: Check = {
  id: "login.linger",
  title: "the fleet stays when the user logs out (lingering is enabled)",
  async run({ host }) {
    const linger = await lingers(host, host.user.name);
    if (linger === true) return { status: "pass" };
    const fix = { commands: [`sudo loginctl enable-linger ${host.user.name}`] };
    if (linger === false)
      return {
        status: "warn",
        message: "without lingering the user manager, and every agent with it, ends when the last session logs out",
        fix,
      };
    throw new Error("neither logind's marks nor loginctl say whether lingering is enabled");
  },
};
