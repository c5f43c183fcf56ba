import type { Examination, Row } from "../../../../src/cli/report/formats/examination.ts";

/** Texts that mean something in one of the formats, and must arrive as they are in all of them. */
export const HOSTILE = [
  "]]> <b>&amp;</b> \"double\" 'single' <!-- -->",
  "100% %0A %25 a:b, c=d",
  "::error title=x::y",
  "# TODO later \\# SKIP never",
  "a\\|b | c \\",
  "`one` ``two`` ~~struck~~ *star* _low_ [a](b) ![c](d)",
  "- 1. + = > #1",
  "12) twelve",
  "<!-- gone",
  "> quoted",
  "[ ] to do, [a]: http://b",
  "key: 'value' # {no: [yaml]} ... ---",
  "emoji 🦉 and ümläut",
] as const;

export function row(over: Partial<Row> = {}): Row {
  return {
    id: "host.linger",
    area: "host",
    title: "The user's services run without a login",
    status: "pass",
    message: null,
    details: [],
    fix: [],
    ms: 1234,
    ...over,
  };
}

export function examination(rows: readonly Row[], over: Partial<Examination> = {}): Examination {
  return {
    name: "mosaic-fleet doctor",
    verdict: "something is broken: see FAIL",
    rows,
    environment: { binary: "0.1.0", systemd: "252" },
    ms: 2500,
    ...over,
  };
}

/** A row of each status, the worst in the middle. */
export const ONE_OF_EACH = (["pass", "warn", "fail", "skip", "unknown", "blocked"] as const).map((status) =>
  row({
    id: `host.${status}`,
    status,
    message: status === "pass" ? null : `it is ${status}`,
    details: status === "pass" ? [] : ["seen: this", "seen: that"],
    fix: status === "pass" ? [] : ["loginctl enable-linger", "mosaic-fleet doctor"],
  }),
);
