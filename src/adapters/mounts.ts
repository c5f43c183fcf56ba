import type { Host } from "../core/host.ts";

/** A mounted file system. */
export interface Mount {
  readonly folder: string;
  readonly type: string;
  /** Such as "rw", "noexec". */
  readonly options: readonly string[];
}

/** Those of this process, in the order in which they were mounted. */
export async function mountsOf(host: Pick<Host, "files">): Promise<Mount[]> {
  return parseMounts((await host.files.read("/proc/self/mountinfo")) ?? "");
}

/** Out of the text of /proc/PID/mountinfo. */
export function parseMounts(text: string): Mount[] {
  return text.split("\n").flatMap((line) => {
    const [left = "", right = ""] = line.split(" - ");
    const [, , , , folder, options] = left.split(" ");
    const [type, , superOptions] = right.split(" ");
    if (folder === undefined || options === undefined || type === undefined) return [];
    return [
      {
        folder: unescaped(folder),
        type,
        get options() {
          return [...new Set([...options.split(","), ...(superOptions ?? "").split(",")])];
        },
      },
    ];
  });
}

/** The mount that a path (without links) lies on: the last of those that are deepest. */
export function mountOf(mounts: readonly Mount[], path: string): Mount | undefined {
  return mounts
    .filter(({ folder }) => folder === "/" || path === folder || path.startsWith(`${folder}/`))
    .reduce<Mount | undefined>(
      (best, mount) => (mount.folder.length >= (best?.folder.length ?? 0) ? mount : best),
      undefined,
    );
}

/** mountinfo writes a space as \040. */
function unescaped(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
