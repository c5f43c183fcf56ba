import type { Step } from "../../step.ts";
import { defaultServer } from "../../steps/default-server.ts";
import { userConfig } from "../../steps/user-config.ts";
import type { Half } from "../half.ts";
import { agent } from "./agent.ts";
import { agentEnd } from "./agent-end.ts";
import { caller } from "./caller.ts";
import { environment } from "./environment.ts";
import { exactStop } from "./exact-stop.ts";
import { lastSession } from "./last-session.ts";
import { options } from "./options.ts";
import { path } from "./path.ts";
import { reuse } from "./reuse.ts";
import { send } from "./send.ts";
import { server } from "./server.ts";
import { serverEnd } from "./server-end.ts";
import { socketLoss } from "./socket-loss.ts";
import { viewer } from "./viewer.ts";

/** The sequence of the tmux half, in its order. */
export const halfSteps: readonly Step<Half>[] = [
  server,
  options,
  { ...userConfig, requires: ["server"] },
  agent,
  environment,
  caller,
  path,
  reuse,
  viewer,
  send,
  exactStop,
  agentEnd,
  socketLoss,
  lastSession,
  serverEnd,
  defaultServer,
];
