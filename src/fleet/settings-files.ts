import { type Assignment, parseEnvFile } from "../core/env-file.ts";
import { describeError } from "../core/errors.ts";
import type { FileStatus, Host } from "../core/host.ts";
import { plainAssignments } from "../core/plain-env-file.ts";
import type { Redactor } from "../core/redact.ts";
import { allOf } from "../core/steps.ts";

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
    return bytes === undefined
      ? { ...none, problem: "it is gone" }
      : settingsIn({ path, real, status, bytes }, redactor);
  } catch (error) {
    return { ...none, problem: describeError(error) };
  }
}

function settingsIn(file: Pick<SettingsFile, "path" | "real" | "status" | "bytes">, redactor: Redactor): SettingsFile {
  const plain = plainAssignments(file.bytes);
  const assignments = plain ?? parseEnvFile(file.bytes);
  const variables = Object.fromEntries(assignments.map(({ key, value }) => [key, value]));
  redactor.learn(variables);
  return { ...file, plain: plain !== undefined, assignments, variables };
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
  const paths = names.map((name) => `${folder}/${name}.env`);
  const found = await host.files.readFiles(paths); // nearly all of them, and there may be a thousand
  const files = await allOf(
    paths.map((path, index) => {
      const file = found[index];
      return file ? settingsIn({ path, real: path, ...file }, redactor) : readSettings(host, path, redactor);
    }),
  );
  return new Map(names.flatMap((name, index) => (files[index] === undefined ? [] : [[name, files[index]]])));
}
