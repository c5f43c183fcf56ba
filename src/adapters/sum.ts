/** The hash by which a file's content is known. Bun's own: node:crypto takes as long to load as a whole layout to hash. */
export function sha256(content: string | Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(content).digest("hex");
}
