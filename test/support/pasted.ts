import { HOME_KEYS } from "../../src/core/agent-keys.ts";
import type { DoctorReport } from "../../src/doctor/report.ts";

/** What was looked at already: most remedies come again and again. */
const fine = new Set<string>();

/** What keeps remedies from being pasted as they stand, and root's as one block; empty when nothing does. */
export function notPastable({ checks }: Pick<DoctorReport, "checks">, root: boolean): string[] {
  const fixes = checks.flatMap((check) => [check.fix, ...check.subjects.map(({ fix }) => fix)]);
  const ofRoot = [...new Set(fixes.flatMap((fix) => fix.root))].map((command) => (root ? command : `sudo ${command}`));
  const block = ofRoot.join("\n");
  const fresh = [...new Set([...fixes.flatMap(({ commands }) => commands), ...ofRoot, block])].filter(
    (text) => text !== "" && !fine.has(text),
  );
  const wrong = fresh.flatMap((text) => {
    // To zsh, typed at a terminal, its words are more files.
    const removes = /^(sudo )?rm .* # /.test(text) ? ["has a remark behind what it removes"] : [];
    const why = [
      ...removes,

      ...(text !== block && text.includes("\n") ? ["has a line end"] : []),
      ...syntax(text),
      ...tildes(text),
    ];
    if (why.length === 0) fine.add(text);
    return why.map((each) => `${each}: ${text}`);
  });
  // A pager, or a question, takes what is pasted behind it for an answer.
  const asks = ofRoot.filter((command) => /\bjournalctl\b(?!.*--no-pager)/.test(command));
  const halves = ofRoot.filter((command) => /[;|&<>]/.test(bare(command)));
  return [
    ...wrong,
    ...halves.map((command) => `sudo is for its first part alone: ${command}`),
    ...asks.map((command) => `opens a pager before the next line: ${command}`),
  ];
}

/** Without what is quoted, substituted or said. */
function bare(command: string): string {
  return command.replace(/'[^']*'|"[^"]*"|\$\([^)]*\)/g, "").replace(/(^|\s)#.*/, "");
}

function syntax(text: string): string[] {
  const { exitCode, stderr } = Bun.spawnSync(["sh", "-n"], { stdin: Buffer.from(`${text}\n`), stderr: "pipe" });
  return exitCode === 0 ? [] : [`sh says ${stderr.toString().trim()}`];
}

/** Values in which the fleet's own scripts know ~, each of several. */
const KNOWS_HOME = new RegExp(`\\b(${HOME_KEYS.join("|")})=["']?([^"'|]*:)?$`);

/** Each "~/" that a shell does not take for the home folder, and nobody else does. */
function tildes(text: string): string[] {
  const found: string[] = [];
  for (const line of text.split("\n")) {
    let quote = "";
    let word = "";
    for (let at = 0; at < line.length; at++) {
      const character = line[at] ?? "";
      if (quote === "" && word === "" && character === "#") break;
      const home = character === "~" && /^(~\/|~(?=\s|$))/.test(line.slice(at));
      const expands = word === "" || /^[A-Za-z_]\w*=([^"']*:)?$/.test(word);
      const known = KNOWS_HOME.test(line.slice(0, at));
      if (home && !known && (quote !== "" || !expands)) found.push("~ is not the home folder there");
      if (quote === "" && character === "\\") {
        word += line.slice(at, at + 2);
        at++;
      } else if (quote === "" && /[\s;&|()<>]/.test(character)) word = "";
      else {
        if (quote === "" && /["']/.test(character)) quote = character;
        else if (character === quote) quote = "";
        word += character;
      }
    }
  }
  return found;
}
