import { visible } from "./visible.ts";

/** Between the texts that are redacted together: the redactor knows it, and finds nothing that goes across it. */
const SEPARATOR = "\n\0\n";

/**
 * The same value with every text in it redacted and made visible, so that no format has to; the names in it are ours. Each text once, and all at one time: with
 * two hundred agents there are as many secrets, and thousands of texts that are mostly alike.
 */
export function redacted<T>(redact: (text: string) => string, value: T): T {
  const texts = new Set<string>();
  collect(value, texts);
  const each = [...texts];
  const joined = each.map((text) => text.replaceAll("\0", "\\x00")).join(SEPARATOR);
  const shown = redact(joined).split(SEPARATOR).map(visible);
  return replaced(value, new Map(each.map((text, index) => [text, shown[index] ?? ""]))) as T;
}

function collect(value: unknown, texts: Set<string>): void {
  if (typeof value === "string") texts.add(value);
  else if (typeof value === "object" && value !== null) for (const item of Object.values(value)) collect(item, texts);
}

function replaced(value: unknown, shown: ReadonlyMap<string, string>): unknown {
  if (typeof value === "string") return shown.get(value);
  if (Array.isArray(value)) return value.map((item) => replaced(item, shown));
  if (typeof value !== "object" || value === null) return value;
  const copy: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) copy[name] = replaced(item, shown);
  return copy;
}
