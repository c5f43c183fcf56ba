import type { Fix } from "./check.ts";
import { commandOf, type FixAction } from "./fix.ts";
import type { Tools } from "./tools.ts";

/** mosaic-fleet install as a remedy. It needs the user manager: where that cannot be reached, that comes first. */
export async function installFix(tools: Tools, restore = false): Promise<Fix> {
  const action: FixAction = { kind: "install", restore };
  const found = await tools.userManager().catch(() => undefined); // told by systemd.user-manager
  if (found === undefined || "manager" in found) return { actions: [action] };
  const first = "mosaic-fleet doctor --only systemd.user-manager   # install needs it: how it is reached; then:";
  return { commands: [first, commandOf(action, tools.host.user.home)] };
}
