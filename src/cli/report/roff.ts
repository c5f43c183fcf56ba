/** What a character is in roff where it would be something else, or look like it: in a terminal, and in what is copied from there. */
const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\e",
  "-": "\\-",
  "'": "\\(aq",
  "`": "\\(ga",
  "^": "\\(ha",
  "~": "\\(ti",
  '"': "\\(dq",
};

/** A text that prints as it is, wherever in a line of roff it stands; in ASCII, a line break is a blank. */
export function plain(text: string): string {
  return text
    .replace(/\s+/g, " ")
    .replace(/[\\'`^~"-]|[^ -~]/gu, (character) => ESCAPES[character] ?? unicode(character))
    .replace(/^\./, "\\&.");
}

function unicode(character: string): string {
  return `\\[u${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}]`;
}

/** What is typed as it stands. */
export function bold(text: string): string {
  return `\\fB${plain(text)}\\fR`;
}

/** What stands for something else, or is a path; a choice of many may be broken after each, a path after a folder. */
export function italic(text: string): string {
  return `\\fI${plain(text).replace(/[|/](?=.)/g, "$&\\:")}\\fR`;
}

export function paragraph(text: string): string {
  return `.PP\n${plain(text)}\n`;
}

/** Terms, in roff, each with a text about it below. */
export function terms(rows: readonly (readonly [term: string, says: string])[]): string {
  return rows.map(([term, says]) => `.TP\n${term}\n${plain(says)}\n`).join("");
}

export function section(title: string, ...parts: readonly string[]): string {
  return `.SH ${title}\n${parts.join("").replace(/^\.PP\n/, "")}`;
}

export function subsection(title: string, ...parts: readonly string[]): string {
  return `.SS ${title}\n${parts.join("")}`;
}

/** How a command is called: its words, then parts in roff, none of which is broken. */
export function synopsis(words: string, parts: readonly string[]): string {
  return `.SY ${words.split(" ").map(plain).join("\\ ")}\n${parts.map((part) => `${part.replaceAll(" ", "\\ ")}\n`).join("")}.YS\n`;
}

export interface Title {
  readonly name: string;
  /** YYYY-MM-DD, or empty. */
  readonly date: string;
  readonly version: string;
}

/**
 * A page of section 1 of the manual. Nothing in it is hyphenated or justified: it is typed and searched for. The register is
 * what groff's macros set hyphenation by at every paragraph.
 */
export function page({ name, date, version }: Title, sections: readonly string[]): string {
  const title = [plain(name.toUpperCase()), "1", date, `mosaic\\-fleet ${plain(version)}`, "User Commands"];
  const start = [
    '.\\" Made by mosaic-fleet man.',
    `.TH ${title.map((part) => `"${part}"`).join(" ")}`,
    ".nr HY 0",
    ".nh",
    ".ad l",
  ];
  return `${start.join("\n")}\n${sections.join("")}`;
}
