import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { sha256 } from "./release-installer.ts";

interface Part {
  readonly name: string;
  /** Whether it is source that was bundled; otherwise it is the runtime. */
  readonly bundled: boolean;
  /** Where its package.json is. */
  readonly folder: string;
  /** `sha512-…`, of bun.lock. */
  readonly integrity: string;
}

/** The packages that are really in a bundle, by the bundler's own account of it, in order of name. */
export function bundledPackages({ inputs }: { readonly inputs: Readonly<Record<string, unknown>> }): string[] {
  const names = Object.keys(inputs).map((path) => /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))].sort();
}

/** What package.json says in SPDX: one licence, or an expression of several. */
function licensesOf(license: string): object[] {
  return [/\s/.test(license) ? { expression: license } : { license: { id: license } }];
}

function component({ name, bundled, folder, integrity }: Part) {
  const { version, description, license, homepage } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  return {
    type: bundled ? "library" : "platform",
    "bom-ref": purl,
    name,
    version,
    ...(description ? { description } : {}),
    hashes: [{ alg: "SHA-512", content: Buffer.from(integrity.replace("sha512-", ""), "base64").toString("hex") }],
    ...(license ? { licenses: licensesOf(license) } : {}),
    purl,
    ...(homepage ? { externalReferences: [{ type: "website", url: homepage }] } : {}),
  };
}

/** A UUID of the kind that its maker defines, out of a content. */
function uuidOf(content: string): string {
  const hex = createHash("sha256").update(content).digest("hex");
  const variant = "89ab"[Number.parseInt(hex[16] ?? "0", 16) & 3];
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}

/** The bill of materials of a release, as CycloneDX 1.6: the same for the same binaries and time. */
export function sbom(release: {
  readonly tree: string;
  readonly files: readonly string[];
  readonly packages: readonly Part[];
  readonly time: Date;
}): object {
  const { name, version, description, license } = JSON.parse(readFileSync(join(release.tree, "package.json"), "utf8"));
  const reference = `pkg:generic/${name}@${version}`;
  const components = release.packages.map(component);
  const content = {
    version: 1,
    metadata: {
      timestamp: release.time.toISOString().replace(".000Z", "Z"),
      component: {
        type: "application",
        "bom-ref": reference,
        name,
        version,
        description,
        licenses: licensesOf(license),
        purl: reference,
        components: release.files.map((file) => ({
          type: "file",
          "bom-ref": basename(file),
          name: basename(file),
          hashes: [{ alg: "SHA-256", content: sha256(file) }],
        })),
      },
    },
    components,
    dependencies: [
      { ref: reference, dependsOn: components.map((one) => one["bom-ref"]) },
      ...components.map((one) => ({ ref: one["bom-ref"] })),
    ],
  };
  const serialNumber = `urn:uuid:${uuidOf(JSON.stringify(content))}`;
  return { bomFormat: "CycloneDX", specVersion: "1.6", serialNumber, ...content };
}
