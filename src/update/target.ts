import { FleetError } from "../core/errors.ts";
import { EXIT } from "../core/exit.ts";
import type { Host } from "../core/host.ts";

const MACHINES: Readonly<Record<number, string>> = { 62: "x64", 183: "arm64" };

/** The target, as releases name it, of the program that this process is: what runs here now is what can. */
export async function targetOf(host: Pick<Host, "files">): Promise<string> {
  const start = Buffer.from((await host.files.readStart("/proc/self/exe", 4096)) ?? []);
  const isProgram = start.length > 64 && start.subarray(0, 4).toString("latin1") === "\x7fELF";
  const machine = isProgram ? MACHINES[start.readUInt16LE(18)] : undefined;
  if (machine === undefined)
    throw new FleetError(
      EXIT.unavailable,
      "It is not known what machine this is",
      "the program that runs has no known kind",
      ["sh install.sh   # of the release"],
    );
  return `linux-${machine}${start.includes("/ld-musl-") ? "-musl" : ""}`;
}
