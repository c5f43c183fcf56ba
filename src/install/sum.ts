import { createHash } from "node:crypto";

/** The hash by which a file's content is known. */
export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
