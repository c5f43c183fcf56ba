import type { Step } from "../step.ts";
import { agent } from "./agent.ts";
import { agentDeath } from "./agent-death.ts";
import { brokenCommand } from "./broken-command.ts";
import { caller } from "./caller.ts";
import { defaultServer } from "./default-server.ts";
import { environment } from "./environment.ts";
import { exactStop } from "./exact-stop.ts";
import { gracefulStop } from "./graceful-stop.ts";
import { holder } from "./holder.ts";
import { holderStop } from "./holder-stop.ts";
import { layout } from "./layout.ts";
import { memory } from "./memory.ts";
import { path } from "./path.ts";
import { reuse } from "./reuse.ts";
import { serverDeath } from "./server-death.ts";
import { socketLoss } from "./socket-loss.ts";
import { userConfig } from "./user-config.ts";

/** The canary sequence, in its order: the longest of those that run beside the others first. */
export const steps: readonly Step[] = [
  layout,
  holder,
  agent,
  brokenCommand,
  memory,
  gracefulStop,
  caller,
  path,
  userConfig,
  environment,
  reuse,
  exactStop,
  agentDeath,
  socketLoss,
  serverDeath,
  holderStop,
  defaultServer,
];
