import { visible } from "./visible.ts";

/** Between the texts that are redacted together: the redactor knows it, and finds nothing that goes across it. */
const SEPARATOR = "\n\0\n";

/** Anything but letters that everybody sees, between separators: then each text is looked through for what is not seen. */
const UNUSUAL = /[^\n\t\0\x20-\x7e]/;

/** The same value with every text in it redacted and made visible, so that no format has to; the names in it are ours. */
export function redacted<T>(redact: (text: string) => string, value: T): T {
  return redaction(redact, value)(value);
}

/**
 * What redacts, as redacted() does, any value whose texts are among those of `all`. Each text is looked at once, and all at
 * one time: with two hundred agents there are as many secrets, and thousands of texts that are mostly alike. What has nothing
 * to hide in it is the same object.
 */
export function redaction(redact: (text: string) => string, all: unknown): <T>(value: T) => T {
  const texts = new Set<string>();
  collect(all, texts);
  const each = [...texts];
  const joined = each.map((text) => (text.includes("\0") ? text.replaceAll("\0", "\\x00") : text)).join(SEPARATOR);
  const shown = redact(joined).split(SEPARATOR);
  const unusual = UNUSUAL.test(joined);
  const changed = new Map<string, string>();
  each.forEach((text, index) => {
    const part = shown[index] ?? "";
    const seen = unusual ? visible(part) : part;
    if (seen !== text) changed.set(text, seen);
  });
  return <T>(value: T) => {
    if (changed.size === 0) return value;
    // Most are texts in which nothing is to be hidden.
    return (typeof value === "string" ? (changed.get(value) ?? value) : replaced(value, changed)) as T;
  };
}

function collect(value: unknown, texts: Set<string>): void {
  if (typeof value === "string") texts.add(value);
  else if (Array.isArray(value))
    for (const item of value)
      if (typeof item === "string") texts.add(item);
      else collect(item, texts);
  else if (typeof value === "object") for (const name in value) collect(value[name as keyof typeof value], texts);
}

function replaced(value: unknown, changed: ReadonlyMap<string, string>): unknown {
  if (typeof value === "string") return changed.get(value) ?? value;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => replaced(item, changed));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  let copy: Record<string, unknown> | undefined;
  for (const name in value) {
    const item = value[name as keyof typeof value];
    const shown = replaced(item, changed);
    if (shown === item) continue;
    copy ??= { ...value };
    copy[name] = shown;
  }
  return copy ?? value;
}
