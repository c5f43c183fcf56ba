import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Run, run, tree } from "./build.ts";

/** A Debian without a running systemd, as a container engine has it; what is written in it goes with it. */
export interface Container extends Disposable {
  /** Its files, as this machine sees them. */
  readonly root: string;
  /** Runs a program in it, as root unless told, with options of systemd-nspawn: in a container of its own each time. */
  run(argv: readonly string[], ...options: string[]): Run;
}

/** `shared` is read-only in it, at /release. Takes root. */
export function openContainer(root: string, shared: string): Container {
  const folder = mkdtempSync("/tmp/mosaic-machine-");
  const name = folder.slice("/tmp/".length).toLowerCase();
  const merged = join(folder, "root");
  for (const each of ["upper", "work", "root"]) mkdirSync(join(folder, each));
  const layers = `lowerdir=${root},upperdir=${folder}/upper,workdir=${folder}/work`;
  const mounted = run(["mount", "-t", "overlay", "overlay", "-o", layers, merged]);
  if (mounted.code !== 0) throw new Error(mounted.stderr);
  return {
    root: merged,
    run: (argv, ...options) =>
      run([join(tree, "test/support/container.sh"), name, merged, shared, ...options, ...argv], {
        timeoutMs: 60_000,
        env: { ...process.env, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: "1" },
      }),
    [Symbol.dispose]() {
      run(["umount", merged]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
