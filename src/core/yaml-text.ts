/** What a document is made of. Nothing else has one meaning to every reader of YAML. */
export type YamlValue = string | number | boolean | { readonly [key: string]: YamlValue };

/** Words that some reader of YAML, of any version, takes for something else than a text. */
const NO_TEXT = /^(?:true|false|yes|no|on|off|y|n|null|nan|inf)$/i;
/** A text that needs no quotes: a size, or starts like a word or a path, and has nothing in it that YAML gives a meaning to. */
const PLAIN = /^\d+[KMGTP]$|^(?:[A-Za-z]|\/|~\/)[A-Za-z0-9_./~@%+=,-]*(?: [A-Za-z0-9_./~@%+=,-]+)*$/;

/** A mapping as a YAML document, which every reader reads as exactly this. What is nothing but {name: true} stays in a line. */
export function yamlText(value: Readonly<Record<string, YamlValue>>): string {
  return linesOf(value, "").join("");
}

function linesOf(value: Readonly<Record<string, YamlValue>>, indent: string): string[] {
  return Object.entries(value).flatMap(([key, inner]) => {
    const start = `${indent}${textOf(key)}:`;
    if (typeof inner !== "object") return [`${start} ${typeof inner === "string" ? textOf(inner) : String(inner)}\n`];
    const entries = Object.entries(inner);
    if (entries.every(([, each]) => each === true))
      return [`${start} {${entries.map(([name]) => `${textOf(name)}: true`).join(", ")}}\n`];
    return [`${start}\n`, ...linesOf(inner, `${indent}  `)];
  });
}

function textOf(text: string): string {
  if (PLAIN.test(text) && !NO_TEXT.test(text)) return text;
  // JSON's quotes are YAML's; but YAML wants what cannot be seen spelled.
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
