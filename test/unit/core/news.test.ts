import { describe, expect, test } from "bun:test";
import { newsAfter, type Sight } from "../../../src/core/news.ts";

const line = (text: string) => ({ text, rows: 1 });

/** A screen of four rows that shows a document's end, and some lines above it. */
function sight(document: readonly string[], kept = 6): Sight {
  const lines = document.slice(-kept).map(line);
  return {
    lines,
    before: document.length - lines.length,
    recounted: false,
    screen: Math.max(0, lines.length - 4),
    ended: false,
  };
}

/** What is told at each sight, from one a tenth of a second after another; the last is looked at for three seconds. */
function told(...documents: (readonly string[])[]): string[][] {
  const [first = [], ...rest] = documents;
  const news = newsAfter(sight(first), true);
  let now = 0;
  const look = (document: readonly string[]) => {
    now += 100;
    return news(sight(document), now).told.map((index) => sight(document).lines[index]?.text ?? "");
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

  test("the last, too, is told at once where the cursor is below it", () => {
    const news = newsAfter({ ...sight(["a"]), ended: true }, true);
    expect(news({ ...sight(["a", "b"]), ended: true }, 10).told).toEqual([1]);
    expect(news({ ...sight(["a", "b", "c"]), ended: false }, 20).told).toEqual([]);
    expect(news({ ...sight(["a", "b", "c"]), ended: true }, 30).told).toEqual([2]);
  });

  test("a line that was not whole is not overtaken by one that came with it", () => {
    const news = newsAfter(sight(["x", "y"]), true);
    const look = (lines: string[], now: number) => news({ ...sight(lines), ended: true }, now).told;
    expect(look(["y", "a", "b"], 100)).toEqual([]); // something is not as it was: it may be drawn anew
    expect(look(["y", "a", "b", "c"], 200)).toEqual([]);
    expect(look(["y", "a", "b", "c"], 350)).toEqual([1, 2, 3]);
  });

  test("rows that are gone are counted, however many a line takes", () => {
    const tick = (rows: number) => ({ text: "tick", rows });
    const at = (before: number, ...rows: number[]) => ({
      lines: rows.map(tick),
      before,
      recounted: false,
      screen: 0,
      ended: true,
    });
    const news = newsAfter(at(0, 1, 3, 1, 1), true);
    expect(news(at(4, 1, 1, 1, 1), 10).told).toEqual([2, 3]);
  });

  test("what came before all that was seen is no news, also where the count has begun anew", () => {
    const all = [...count(12), "end"];
    const news = newsAfter(sight(all.slice(0, 10), 3), true);
    expect(news(sight(all.slice(0, 12), 9), 10).told).toEqual([7]);
    expect(news({ ...sight(all, 9), before: 2, recounted: true }, 20).told).toEqual([]);
    expect(news({ ...sight(all, 9), before: 2 }, 400).told).toEqual([7, 8]);
    expect(news({ ...sight(["x", "y", "z", "u", "v", "w"]), recounted: true }, 410).told).toEqual([0, 1]);
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
    const page = { before: 0, recounted: false, screen: 0, ended: true };
    const news = newsAfter({ lines: [], ...page }, false);
    const drawn = (rows: number, now: number) => news({ lines: count(rows).map(line), ...page }, now).told;
    expect([drawn(2, 100), drawn(4, 200), drawn(4, 400), drawn(4, 500)]).toEqual([[], [], [0, 1], [2, 3]]);
  });

  test("a screen that is another altogether is told whole, once it rests", () => {
    expect(told(["a", "b"], ["x", "y"], ["p", "q"])).toEqual([[], [], ["p", "q"]]);
  });
});
