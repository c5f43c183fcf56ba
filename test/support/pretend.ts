import type { Host } from "../../src/core/host.ts";

/** The host with other texts in some files; undefined: it has no such file. For what this machine cannot be made to be. */
export function pretend(host: Host, texts: Readonly<Record<string, string | undefined>>): Host {
  const { files } = host;
  return {
    ...host,
    files: {
      ...files,
      read: async (path) => (path in texts ? texts[path] : files.read(path)),
      async status(path) {
        if (!(path in texts)) return files.status(path);
        if (texts[path] === undefined) return undefined;
        return { kind: "file", mode: 0o644, uid: 0, gid: 0, size: texts[path]?.length ?? 0, modified: 0, changed: 0 };
      },
    },
  };
}
