import { join } from "node:path";
import { until } from "../../../core/until.ts";
import { sendText } from "../../../fleet/send.ts";
import { DIFFICULT } from "../../parts.ts";
import { expectInTime, type Step } from "../../step.ts";
import { environmentOf } from "../../steps/support.ts";
import type { Half } from "../half.ts";
import { startAgent } from "../support.ts";

const LIMIT_MS = 8_000;

export const send: Step<Half> = {
  id: "send",
  title: "a text that is sent to an agent arrives exactly, whatever is in it",
  limitMs: 30_000,
  requires: ["agent"],
  async run(half) {
    const { host, agents } = half;
    await environmentOf(half, await startAgent(half, agents.reader)); // what is typed before it reads is the shell's
    const text = `${DIFFICULT}\t;\n-- ${"x".repeat(200)}`;
    await sendText(host, agents.reader.name, new TextEncoder().encode(text), { enter: true, verifyMs: undefined });
    const read = async () => (await host.files.read(join(agents.reader.folder, "read"))) ?? "";
    const wanted = `${text}\n`;
    const seen = await until(host, LIMIT_MS, async () => ((await read()) === wanted ? true : undefined));
    expectInTime(seen === true, `what the agent's program has read after ${LIMIT_MS / 1000} s is not what was sent`, {
      sent: JSON.stringify(wanted),
      read: JSON.stringify(await read()),
    });
    return { bytes: wanted.length };
  },
};
