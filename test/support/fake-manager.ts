import { existsSync } from "node:fs";
import { join } from "node:path";
import { UNIT_PROPERTIES } from "../../src/adapters/systemd.ts";
import type { Exec, ExecResult } from "../../src/core/exec.ts";
import type { Host } from "../../src/core/host.ts";
import { HOLDER_UNIT } from "../../src/core/names.ts";
import { pathsOf } from "../../src/core/paths.ts";

/**
 * A user manager with no process behind it, that runs nothing and takes units from where they should be: for what is
 * done a thousand times. Programs other than systemctl are run.
 */
export function fakeManager(host: Pick<Host, "env" | "user" | "exec">): { exec: Exec; reloads(): number } {
  let reloads = 0;
  const { units } = pathsOf(host);
  const holder = join(units, HOLDER_UNIT);
  const answer = (words: string): string | undefined => {
    if (words.endsWith(" show -p Version,UnitPath,Environment"))
      return `Version=252.39-1~deb12u1\nEnvironment=PATH=/usr/bin:/bin\nUnitPath=${units} /etc/systemd/user\n`;
    if (/ (list-units|list-unit-files) /.test(words)) return "";
    if (/ daemon-reload$/.test(words)) {
      reloads++;
      return "";
    }
    if (!words.endsWith(` -- ${HOLDER_UNIT}`) || !words.includes(" show ")) return undefined;
    const known: Record<string, string> = {
      Id: HOLDER_UNIT,
      ActiveState: "inactive",
      UnitFileState: "disabled",
      FragmentPath: existsSync(holder) ? holder : "",
    };
    return UNIT_PROPERTIES.map((name) => `${name}=${known[name] ?? ""}\n`).join("");
  };
  return {
    reloads: () => reloads,
    async exec(argv, options): Promise<ExecResult> {
      if (argv[0] !== "systemctl") return host.exec(argv, options);
      const stdout = answer(argv.join(" "));
      if (stdout === undefined) throw new Error(`the fake manager does not know: ${argv.join(" ")}`);
      return { argv, stdout, stderr: "", kind: "exited", code: 0 };
    },
  };
}
