import type { Examination, Row } from "./examination.ts";
import { breaks, messageOf, remedyOf, seconds } from "./rows.ts";

/** A JUnit document: one suite, a test case for every row. What could not be told is an error; a warning passes, unless it breaks the verdict. */
export function renderJunit({ name, verdict, rows, environment, ms }: Examination): string {
  const count = (...statuses: Row["status"][]) => rows.filter(({ status }) => statuses.includes(status)).length;
  const failures = rows.filter(breaks).length;
  const sums = { name, tests: rows.length, failures, errors: count("unknown"), time: seconds(ms) };
  const properties = Object.entries({ verdict, ...environment }).map(([name, value]) =>
    element("property", { name, value }),
  );
  const cases = rows.map((row) =>
    element(
      "testcase",
      { classname: `${name}.${row.area}`, name: `${row.id}: ${row.title}`, time: seconds(row.ms) },
      outcome(row),
    ),
  );
  // The schema of Jenkins knows `skipped` of a suite, not of suites.
  const suite = element(
    "testsuite",
    { ...sums, skipped: count("skip", "blocked") },
    block([element("properties", {}, block(properties)), ...cases]),
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element("testsuites", sums, block([suite]))}\n`;
}

function outcome(row: Row): string {
  const message = messageOf(row);
  const body = [message, ...row.details, ...remedyOf(row)].map(xml).join("\n");
  const failure = () => element("failure", { message, type: row.status }, body);
  switch (row.status) {
    case "pass":
      return "";
    case "warn":
      return breaks(row) ? failure() : element("system-out", {}, body);
    case "fail":
      return failure();
    case "unknown":
      return element("error", { message, type: row.status }, body);
    case "skip":
    case "blocked":
      return element("skipped", { message });
  }
}

/** An element around what is already XML. */
function element(name: string, attributes: Readonly<Record<string, string | number>>, content = ""): string {
  const start = [name, ...Object.entries(attributes).map(([key, value]) => `${key}="${xml(String(value))}"`)];
  return content === "" ? `<${start.join(" ")}/>` : `<${start.join(" ")}>${content}</${name}>`;
}

function block(children: readonly string[]): string {
  return children.map((child) => `\n${child}`).join("") + (children.length > 0 ? "\n" : "");
}

/** Safe as text and in an attribute, where a parser would make a blank of a tab or a line break. */
function xml(text: string): string {
  return text
    .replace(/[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD")
    .replace(/[&<>"\t\n\r]/g, (character) => `&#${character.charCodeAt(0)};`);
}
