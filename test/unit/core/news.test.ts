import { describe, expect, test } from "bun:test";
import { newsAfter, type Sight } from "../../../src/core/news.ts";

/** A screen of four rows that shows a document's end, and some lines above it. */
function sight(document: readonly string[], kept = 6): Sight {
  const lines = document.slice(-kept);
  return { lines, before: document.length - lines.length, screen: Math.max(0, lines.length - 4) };
}

/** What is told at each sight, from one a tenth of a second after another; the last is looked at for three seconds. */
function told(...documents: (readonly string[])[]): string[][] {
  const [first = [], ...rest] = documents;
  const news = newsAfter(sight(first), 0, true);
  let now = 0;
  const look = (document: readonly string[]) => {
    now += 100;
    return news(sight(document), now).told.map((index) => sight(document).lines[index] ?? "");
  };
  const seen = rest.map(look);
  const later = Array.from({ length: 30 }, () => look(rest.at(-1) ?? first)).flat();
  return [...seen, later];
}

const count = (to: number, from = 1) => Array.from({ length: to - from + 1 }, (_, n) => `line ${n + from}`);

describe("a program that writes line after line", () => {
  test("each is told once, at once, but the last, which may not be whole yet", () => {
    expect(told(count(2), count(4), count(5))).toEqual([["line 3"], ["line 4"], ["line 5"]]);
  });

  test("a line that is being written is told when it is whole, or rests", () => {
    expect(told(["a"], ["a", "b"], ["a", "bc"], ["a", "bcd", "e"])).toEqual([[], [], ["bcd"], ["e"]]);
    expect(told(["a", "Go on? "], ["a", "Go on? y", "gone"])).toEqual([["Go on? y"], ["gone"]]);
  });

  test("more than a screen at once, and lines that are all alike", () => {
    expect(told(count(5), count(11))).toEqual([count(10, 6), ["line 11"]]);
    const ticks = (n: number) => Array.from({ length: n }, () => "tick");
    expect(told(ticks(5), ticks(8)).flat()).toEqual(ticks(3));
    expect(told(ticks(5), ticks(5)).flat()).toEqual([]);
  });

  test("what had been there is not told, nor again what comes back", () => {
    expect(told(count(3), count(3)).flat()).toEqual([]);
    expect(told(count(3), [], count(3)).flat()).toEqual(count(3));
  });
});

describe("a program that draws its screen anew", () => {
  const box = ["╭──╮", "│ >│", "╰──╯"];

  test("what comes above a box that moves down is told, the box is not", () => {
    expect(told([...box], ["hello", ...box], ["hello", "there", ...box]).flat()).toEqual(["hello", "there"]);
  });

  test("a spinner and a clock are not told while they go on, and are when they have come to an end", () => {
    const frames = Array.from({ length: 30 }, (_, n) => ["start", `${"|/-\\"[n % 4]} Working (${n}s)`, "bar"]);
    expect(told(["start", "bar"], ...frames, ["start", "bar"]).flat()).toEqual([]);
    expect(told(["45%"], ["46%"], ["100%"])).toEqual([[], [], ["100%"]]);
  });

  test("what has gone above the screen is told as it was last", () => {
    expect(told(["0%", "a"], ["50%", "a"], ["100%", "a", "b", "c", "d"]).flat().toSorted()).toEqual([
      "100%",
      "b",
      "c",
      "d",
    ]);
  });

  test("a page is told when it rests, not while it is drawn from top to bottom", () => {
    const news = newsAfter({ lines: [], before: 0, screen: 0 }, 0, false);
    const drawn = (rows: number, now: number) =>
      news({ lines: count(4).slice(0, rows), before: 0, screen: 0 }, now).told;
    expect([drawn(2, 100), drawn(4, 200), drawn(4, 400), drawn(4, 500)]).toEqual([[], [], [0, 1], [2, 3]]);
  });

  test("a screen that is another altogether is told whole, once it rests", () => {
    expect(told(["a", "b"], ["x", "y"], ["p", "q"])).toEqual([[], [], ["p", "q"]]);
  });
});
