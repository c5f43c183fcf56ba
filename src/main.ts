import { localHost } from "./adapters/local-host.ts";
import { runCli } from "./cli/root.ts";

process.exitCode = await runCli(localHost(), process.argv.slice(2));
