import { EXIT } from "../../core/exit.ts";
import { fleetStatus } from "../../fleet/status.ts";
import { defineCommand, listOf, UsageError } from "../command.ts";
import { renderStatus } from "../report/status.ts";

const OUTPUTS: ("human" | "json" | "ndjson" | "prometheus")[] = ["human", "json", "ndjson", "prometheus"];

export const command = defineCommand({
  name: "status",
  summary: "Says of each agent what systemd, tmux and the kernel say of it, and where they do not agree.",
  args: {
    name: { type: "positional", required: false, description: "agents, or patterns such as 'web-*'; all if not given" },
    output: { type: "enum", alias: "o", options: OUTPUTS, default: "human", description: "what to print" },
    schema: { type: "boolean", description: "print the JSON Schema of -o json, or of -o ndjson" },
  },
  lists: ["name"],
  completes: { name: "agent" },
  examples: [
    ["mosaic-fleet status", "the whole fleet"],
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
    const status = await fleetStatus(host, { names: listOf(args.name) ?? [] });
    const { agents } = status;
    if (args.output === "human") renderStatus(host.stdout, agents);
    else {
      const hostname = (await host.files.read("/proc/sys/kernel/hostname"))?.trim() ?? "unknown";
      const document = { schemaVersion: 1, host: hostname, user: host.user.name, ...status } as const;
      const { statusLines, statusMetrics } = await import("../report/status-formats.ts");
      if (args.output === "json") host.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
      else host.stdout.write(args.output === "ndjson" ? statusLines(document) : statusMetrics(document));
    }
    if (agents.some(({ verdict }) => verdict === "bad")) return EXIT.broken;
    return agents.some(({ verdict }) => verdict === "unknown") ? EXIT.unknown : EXIT.ok;
  },
});
