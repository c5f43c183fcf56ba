import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { run, tree } from "./build.ts";
import { type Machine, machineOn, rootEnvironment } from "./machine.ts";

/**
 * Boots a machine with a kernel of its own (user-mode Linux, what `kernelRoot()` of machine-root.ts has) on a root that stays
 * as it is: every resource controller reaches its users' managers. `shared` is read-only in it, at /release. It takes 4 s.
 */
export function bootKernel(kernel: string, root: string, shared: string): Machine {
  const folder = mkdtempSync("/tmp/mosaic-machine-");
  const bell = join(folder, "bell");
  const log = join(folder, "log");
  mkdirSync(join(folder, "host/release"), { recursive: true });
  run(["mkfifo", bell]);
  writeFileSync(log, "");
  const launcher = Bun.spawn(
    [
      ...["unshare", "--mount", "--propagation", "private", "--pid", "--kill-child", "--mount-proc"],
      ...["sh", join(tree, "test/support/machine-kernel.sh"), kernel, root, folder, shared],
    ],
    { stdin: "ignore", stdout: "ignore", stderr: "inherit" },
  );
  let scripts = 0;
  return machineOn({
    inside(script, timeoutMs) {
      scripts += 1;
      const mail = join(folder, "host", String(scripts));
      writeFileSync(`${mail}.script`, `exec ${rootEnvironment.join(" ")} sh -c '${script.replaceAll("'", `'\\''`)}'\n`);
      const text = (name: string) => readFileSync(`${mail}.${name}`, "utf8");
      const end = Date.now() + timeoutMs;
      // What is rung before its line is open is lost, so again until it is heard.
      for (let again = 0; Date.now() < end; Bun.sleepSync(10)) {
        if (existsSync(`${mail}.code`))
          return { code: Number(text("code")), stdout: text("stdout"), stderr: text("stderr") };
        if (Date.now() < again || existsSync(`${mail}.stdout`)) continue;
        if (!rings(bell, `${scripts}\n`)) return { code: null, stdout: "", stderr: "the machine is down" };
        again = Date.now() + 300;
      }
      return { code: null, stdout: "", stderr: `not within ${timeoutMs / 1000} s` };
    },
    console: () => readFileSync(log, "utf8"),
    close() {
      launcher.kill("SIGKILL"); // with it ends its namespace, and all that runs in it
      for (const end = Date.now() + 10_000; rings(bell, ""); Bun.sleepSync(20))
        if (Date.now() > end) throw new Error(`${folder}: the machine cannot be killed`);
      rmSync(folder, { recursive: true, force: true });
    },
  });
}

/** Writes into the FIFO that the machine reads its serial line from; false where no machine has it open. */
function rings(bell: string, line: string): boolean {
  try {
    const opened = openSync(bell, constants.O_WRONLY | constants.O_NONBLOCK);
    writeSync(opened, line);
    closeSync(opened);
    return true;
  } catch {
    return false;
  }
}
