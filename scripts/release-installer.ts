// Makes install.sh for a folder that holds the binaries of a release. release.ts uses it; a test calls it by itself, for
// a release of small files: `bun scripts/release-installer.ts FOLDER VERSION [BASE_URL [PUBLIC_KEY]]` prints it.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

export const PROGRAM = "mosaic-fleet";

/** The SHA-256 of a file, in hexadecimal. */
export function sha256(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

/** The text of install.sh: scripts/install.sh.in with the version, the sums of the binaries and .xz files, and the rest. */
export function installer(release: { folder: string; version: string; baseUrl: string; publicKey: string }): string {
  const sums = readdirSync(release.folder)
    .filter((name) => name.startsWith(`${PROGRAM}-${release.version}-linux-`))
    .sort()
    .map((name) => join(release.folder, name))
    .map((file) => `${sha256(file)} ${statSync(file).size} ${file.slice(release.folder.length + 1)}`);
  const values: Readonly<Record<string, string>> = {
    VERSION: release.version,
    BASE_URL: release.baseUrl,
    PUBLIC_KEY: release.publicKey,
    SUMS: sums.join("\n"),
  };
  return readFileSync(join(import.meta.dir, "install.sh.in"), "utf8").replace(/@([A-Z_]+)@/g, (whole, name) => {
    const value = values[name];
    if (value === undefined) throw new Error(`install.sh.in has ${whole}, which nothing fills in`);
    // They stand between quotes in a shell script.
    if (/[^\w\s.:/+=~%-]/.test(value)) throw new Error(`${name} cannot be written into install.sh: ${value}`);
    return value;
  });
}

if (import.meta.main) {
  const [folder, version, baseUrl = "", publicKey = ""] = process.argv.slice(2);
  if (folder === undefined || version === undefined) throw new Error("usage: FOLDER VERSION [BASE_URL [PUBLIC_KEY]]");
  process.stdout.write(installer({ folder, version, baseUrl, publicKey }));
}
