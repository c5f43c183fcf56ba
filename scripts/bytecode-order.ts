// Writes src/bytecode.order (see scripts/build-options): what doctor runs on a fleet with an agent. scripts/bytecode-order calls it.
import { join } from "node:path";
import { HOLDER_UNIT } from "../src/core/names.ts";
import { pathsOf } from "../src/core/paths.ts";
import { ourFleet, systemctl, timed, unitOf } from "./bench-fleet.ts";

const tree = join(import.meta.dir, "..");
const order = join(tree, "src/bytecode.order");

await using fleet = await ourFleet();
const { host } = fleet;
await host.files.writeAtomic(join(pathsOf(host).agents, "one.env"), "MOSAIC_AGENT_RUNTIME=sleep\n", 0o600);
systemctl(host, "start", HOLDER_UNIT, unitOf("one"));
const env = { ...host.env, BUN_BYTECODE_ORDER_OUT: order };
timed([join(tree, "dist/mosaic-fleet"), "doctor"], { env }, [0, 1, 2]);
await host.files.chmod(order, 0o644);
