import { createHash, createPublicKey, verify } from "node:crypto";

/** What comes before the 32 bytes of an Ed25519 key in the DER of RFC 8410. */
const DER_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

/**
 * What is wrong with a minisign signature of a message, in a few words; undefined when it is good: by this key, of these
 * bytes, and its trusted comment, too. The program minisign is not needed. Both of its ways to sign are known.
 */
export function signatureProblem(publicKey: string, signature: string, message: Uint8Array): string | undefined {
  const key = Buffer.from(publicKey, "base64");
  const [, encoded = "", comment = "", encodedGlobal = ""] = signature.split(/\r?\n/);
  const own = Buffer.from(encoded, "base64");
  const global = Buffer.from(encodedGlobal, "base64");
  const prefix = "trusted comment: ";
  if (key.length !== 42) return "the key is no minisign key";
  if (own.length !== 74 || global.length !== 64 || !comment.startsWith(prefix)) return "it is no minisign signature";
  if (!own.subarray(2, 10).equals(key.subarray(2, 10)))
    return `it was made with another key (${keyId(own)}) than this binary knows (${keyId(key)})`;
  const way = own.subarray(0, 2).toString("latin1");
  if (way !== "Ed" && way !== "ED") return "it was made in a way that this version does not know";
  const signed = way === "ED" ? createHash("blake2b512").update(message).digest() : message;
  const ed25519 = createPublicKey({
    key: Buffer.concat([DER_PREFIX, key.subarray(10)]),
    format: "der",
    type: "spki",
  });
  const bytes = own.subarray(10);
  if (!verify(null, signed, ed25519, bytes)) return "it is not of these bytes";
  const commented = Buffer.concat([bytes, Buffer.from(comment.slice(prefix.length))]);
  return verify(null, commented, ed25519, global) ? undefined : "its comment was changed";
}

/** As minisign prints it. */
function keyId(bytes: Buffer): string {
  return Buffer.from(bytes.subarray(2, 10)).reverse().toString("hex").toUpperCase();
}
