import { kernelRoot, rootOf, type Suite, whyNot } from "./machine-root.ts";

const kinds = {
  container: { prefix: "", tools: ["systemd-nspawn", "nsenter"] },
  kernel: { prefix: "memory-", tools: ["mke2fs", "unshare"] },
} as const;

export type MachineKind = keyof typeof kinds;

/**
 * Of which Debians machines of this kind are to be booted: those that scripts/machines was asked for ($MACHINE_SUITES), or
 * else bookworm. Their roots are there then, and what `also` gets for each; `readyMs` is how long that took. `skip`: they cannot
 * be had, and nobody has asked for them by name; the reason is on stderr. Throws where somebody has.
 */
export function machineSuites(
  kind: MachineKind,
  also: (suite: Suite) => unknown = () => {},
): { readonly suites: readonly Suite[]; readonly readyMs: ReadonlyMap<Suite, number>; readonly skip: boolean } {
  const { prefix, tools } = kinds[kind];
  const asked = process.env.MACHINE_SUITES?.split(",");
  const named = asked?.filter((name) => name.startsWith(prefix) && (prefix !== "" || !name.includes("-")));
  const suites = (named?.map((name) => name.slice(prefix.length)) ?? ["bookworm"]) as Suite[];
  const readyMs = new Map<Suite, number>();
  try {
    const reason = suites.length === 0 ? undefined : whyNot(tools);
    if (reason !== undefined) throw new Error(reason);
    for (const suite of suites) {
      const begun = performance.now();
      if (kind === "kernel") kernelRoot();
      rootOf(suite);
      also(suite);
      readyMs.set(suite, performance.now() - begun);
    }
    return { suites, readyMs, skip: false };
  } catch (error) {
    if (asked !== undefined) throw error;
    console.error(`machines (${kind}): skipped: ${error instanceof Error ? error.message : error}`);
    return { suites, readyMs, skip: true };
  }
}
