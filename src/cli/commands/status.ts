import { EXIT, type ExitCode, exitOfInterrupt } from "../../core/exit.ts";
import { type AgentStatus, type FleetStatus, fleetStatus } from "../../fleet/status.ts";
import { defineCommand, listOf, UsageError } from "../command.ts";
import { durationMs } from "../duration.ts";
import { renderStatus } from "../report/status.ts";

const OUTPUTS: ("human" | "json" | "ndjson" | "prometheus")[] = ["human", "json", "ndjson", "prometheus"];

export const command = defineCommand({
  name: "status",
  summary: "Says of each agent what systemd, tmux and the kernel say of it, and where they do not agree.",
  args: {
    name: { type: "positional", required: false, description: "agents, or patterns such as 'web-*'; all if not given" },
    output: { type: "enum", alias: "o", options: OUTPUTS, default: "human", description: "what to print" },
    watch: {
      type: "boolean",
      description: "go on: the table is drawn anew until q, and -o ndjson tells what has changed",
    },
    interval: {
      type: "string",
      valueHint: "TIME",
      default: "2s",
      description: "with --watch: how often it looks, where nothing tells of a change (2s)",
    },
    schema: { type: "boolean", description: "print the JSON Schema of -o json, or of -o ndjson" },
  },
  lists: ["name"],
  completes: { name: "agent" },
  examples: [
    ["mosaic-fleet status", "the whole fleet"],
    ["mosaic-fleet status --watch", "the same, kept up to date; q ends it"],
    ["mosaic-fleet status --watch -o ndjson", "a line for each agent, then one for each change"],
    ["mosaic-fleet status 'web-*' -o json", "some of it, for a machine"],
    ["mosaic-fleet status -o prometheus", "metrics for the textfile collector of Prometheus"],
  ],
  exits: [
    [EXIT.ok, "every agent is as it should be"],
    [EXIT.broken, "one has failed, disagrees, or is enabled and stopped"],
    [EXIT.unknown, "of one it could not be told, or it is starting"],
    [EXIT.usage, "wrong usage, or there is no such agent"],
    [EXIT.unavailable, "the user manager cannot be reached"],
  ],
  async run(host, args) {
    if (args.schema) {
      if (args.name !== undefined) throw new UsageError("--schema takes no agents");
      if (args.output === "prometheus") throw new UsageError("--schema is of -o json or -o ndjson, not of prometheus");
      const { jsonSchemaOfStatus } = await import("../report/status-schema.ts");
      const schema = jsonSchemaOfStatus(args.output === "ndjson" ? "ndjson" : "json");
      host.stdout.write(`${JSON.stringify(schema, null, 2)}\n`);
      return EXIT.ok;
    }
    const names = listOf(args.name) ?? [];
    const everyMs = durationMs(args.interval ?? "");
    if (everyMs === undefined) throw new UsageError(`--interval is a time such as 5s or 1m, not "${args.interval}"`);
    const hostname = (await host.files.read("/proc/sys/kernel/hostname"))?.trim() ?? "unknown";
    const documentOf = (status: FleetStatus) =>
      ({ schemaVersion: 1, host: hostname, user: host.user.name, ...status }) as const;
    if (args.watch) {
      const { output } = args;
      if (output !== "human" && output !== "ndjson") throw new UsageError("--watch is of the table, or of -o ndjson");
      const { watchedStatus } = await import("../status-watch.ts");
      const last = await watchedStatus(host, { names, everyMs, output, documentOf });
      if (host.interrupted.aborted) return exitOfInterrupt(host.interrupted.reason);
      return exitOfAgents(last?.agents ?? []);
    }
    const status = await fleetStatus(host, { names });
    const { agents } = status;
    if (args.output === "human") renderStatus(host.stdout, agents);
    else {
      const document = documentOf(status);
      const { statusLines, statusMetrics } = await import("../report/status-formats.ts");
      if (args.output === "json") host.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
      else host.stdout.write(args.output === "ndjson" ? statusLines(document) : statusMetrics(document));
    }
    return exitOfAgents(agents);
  },
});

function exitOfAgents(agents: readonly AgentStatus[]): ExitCode {
  if (agents.some(({ verdict }) => verdict === "bad")) return EXIT.broken;
  return agents.some(({ verdict }) => verdict === "unknown") ? EXIT.unknown : EXIT.ok;
}
