/** What may be typed into a program as text: no character that would act as a key, or end the paste. Tab and line break are text. */
const ACTS_AS_KEY = /(?![\n\t])\p{Cc}/u;

/** Why these bytes are no text, and where; undefined when they are. */
export function textProblem(bytes: Uint8Array): { readonly why: string; readonly next?: string } | undefined {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { why: `byte ${firstInvalid(bytes) + 1} is not UTF-8` };
  }
  const at = text.search(ACTS_AS_KEY);
  if (at < 0) return undefined;
  const before = text.slice(0, at);
  const line = before.split("\n").length;
  const code = text.charCodeAt(at);
  const where = `character ${at - before.lastIndexOf("\n")} of line ${line}`;
  if (code === 0x0d) return { why: `${where} is a carriage return, which is the key Enter`, next: "tr -d '\\r'" };
  return { why: `${where} is ${nameOf(code)}, which a program takes for a key` };
}

function nameOf(code: number): string {
  if (code === 0x1b) return "Escape (0x1b)";
  if (code < 0x20) return `Ctrl-${String.fromCharCode(code + 0x40)} (0x${code.toString(16).padStart(2, "0")})`;
  return `the control character 0x${code.toString(16)}`;
}

/** The offset of the first byte that belongs to no character: what a lenient reader makes another character of. */
function firstInvalid(bytes: Uint8Array): number {
  const lenient = new TextEncoder().encode(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes));
  return bytes.findIndex((byte, index) => byte !== lenient[index]);
}

/** Bytes of the longest line. */
export function longestLine(bytes: Uint8Array): number {
  let longest = 0;
  let start = 0;
  for (;;) {
    const end = bytes.indexOf(0x0a, start);
    longest = Math.max(longest, (end < 0 ? bytes.length : end) - start);
    if (end < 0) return longest;
    start = end + 1;
  }
}
