import { join } from "node:path";
import { type Assignment, parseEnvFile } from "../core/env-file.ts";
import { describeError } from "../core/errors.ts";
import type { FileStatus, Host } from "../core/host.ts";
import { plainAssignments } from "../core/plain-env-file.ts";
import type { Redactor } from "../core/redact.ts";

/** An environment file of the user's. */
export interface SettingsFile {
  readonly path: string;
  /** The file itself, where the path is a link to it. */
  readonly real: string;
  /** Of the file itself. */
  readonly status: FileStatus;
  readonly bytes: Uint8Array;
  /** Nothing in it needs a closer look. */
  readonly plain: boolean;
  /** Why it cannot be read; nothing is in it then. */
  readonly problem?: string;
  readonly assignments: readonly Assignment[];
  /** The same by name, the last assignment winning. */
  readonly variables: Readonly<Record<string, string>>;
}

/** undefined when there is none. What is secret in it is never shown from then on. */
export async function readSettings(host: Host, path: string, redactor: Redactor): Promise<SettingsFile | undefined> {
  const own = await host.files.status(path);
  if (own === undefined) return undefined;
  const real = own.kind === "link" ? ((await host.files.realPath(path)) ?? path) : path;
  const status = real === path ? own : ((await host.files.status(real)) ?? own);
  const none = { path, real, status, bytes: new Uint8Array(), plain: false, assignments: [], variables: {} };
  if (real === "/dev/null") return { ...none, plain: true }; // as good as an empty file
  if (status.kind === "link") return { ...none, problem: "it is a link to nothing" };
  if (status.kind !== "file") return { ...none, problem: "it is no file" }; // a read of a pipe would wait for ever
  try {
    const bytes = await host.files.readBytes(real, false);
    if (bytes === undefined) return { ...none, problem: "it is gone" };
    const plain = plainAssignments(bytes);
    const assignments = plain ?? parseEnvFile(bytes);
    const variables = Object.fromEntries(assignments.map(({ key, value }) => [key, value]));
    redactor.learn(variables);
    return { path, real, status, bytes, plain: plain !== undefined, assignments, variables };
  } catch (error) {
    return { ...none, problem: describeError(error) };
  }
}

/** The agents' environment files, by the agent's name. */
export async function readAgentFiles(
  host: Host,
  folder: string,
  redactor: Redactor,
): Promise<ReadonlyMap<string, SettingsFile>> {
  const names = (await host.files.list(folder))
    .filter((file) => file.endsWith(".env"))
    .map((file) => file.slice(0, -4));
  const files = new Map<string, SettingsFile>();
  await Promise.all(
    names.map(async (name) => {
      const file = await readSettings(host, join(folder, `${name}.env`), redactor);
      if (file !== undefined) files.set(name, file);
    }),
  );
  return files;
}
