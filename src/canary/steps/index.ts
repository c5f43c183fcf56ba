import type { Step } from "../step.ts";
import { agent } from "./agent.ts";
import { agentDeath } from "./agent-death.ts";
import { defaultServer } from "./default-server.ts";
import { environment } from "./environment.ts";
import { exactStop } from "./exact-stop.ts";
import { holder } from "./holder.ts";
import { holderStop } from "./holder-stop.ts";
import { layout } from "./layout.ts";
import { reuse } from "./reuse.ts";
import { serverDeath } from "./server-death.ts";

/** The canary sequence, in its order. */
export const steps: readonly Step[] = [
  layout,
  holder,
  agent,
  environment,
  reuse,
  exactStop,
  agentDeath,
  serverDeath,
  holderStop,
  defaultServer,
];
