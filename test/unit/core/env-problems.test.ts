import { describe, expect, test } from "bun:test";
import { AGENT_KEYS, HOME_KEYS, SHELL_KEY } from "../../../src/core/agent-keys.ts";
import { type EnvProblem, envProblems } from "../../../src/core/env-problems.ts";
import { redactorFor } from "../../../src/core/redact.ts";
import { envFileCases } from "../../support/env-file-cases.ts";

const known = Object.keys(AGENT_KEYS);

function problems(file: string | Uint8Array): EnvProblem[] {
  return envProblems(file, known);
}

/** "line severity kind suggestion" of each problem. */
function short(file: string | Uint8Array): string[] {
  return problems(file).map(({ line, severity, kind, suggestion = "" }) =>
    `${line} ${severity} ${kind} ${suggestion}`.trim(),
  );
}

function bytes(letters: string): Uint8Array {
  return Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
}

/** [what is shown, file, its problems]; S3CRET is in every value that has something wrong, and may be in no message. */
const red: readonly (readonly [string, string | Uint8Array, readonly string[]])[] = [
  ["a byte order mark before an assignment", "\uFEFFA=S3CRET\nB=2\n", ["1 fail byte-order-mark"]],
  ["a byte order mark before a comment", "\uFEFF# a\nB=2\n", ["1 warn byte-order-mark"]],
  ["a byte order mark before a comment with =", "\uFEFF# a=b\nB=2\n", ["1 warn byte-order-mark"]],
  ["a byte order mark before an empty line", "\uFEFF\nB=2\n", ["1 warn byte-order-mark"]],
  ["a byte order mark where files were put together", "A=1\n\uFEFFB=S3CRET\n", ["2 fail byte-order-mark"]],
  [
    "a byte order mark in a file that is lost",
    bytes("\xef\xbb\xbfA=S3CRET\xe9\n"),
    ["1 fail not-utf8", "1 fail byte-order-mark"],
  ],
  [
    "a line that ends with a backslash before a setting of ours",
    "MOSAIC_AGENT_COMMAND=sleep 5\\\nMOSAIC_AGENT_WORKDIR=/S3CRET\n",
    ["1 fail joined-line"],
  ],
  ["a line that ends with a backslash before another", "A=S3CRET\\\nB=2\n", ["1 warn joined-line"]],
  ["a NUL", "A=1\nB=S3CRET\0\nexport C=1\n", ["2 fail nul"]],
  ["UTF-16", bytes("\xff\xfeA\0=\x001\0"), ["1 fail nul"]],
  ["a value in Latin-1", bytes("A=1\nB=S3CRET\xe9\n"), ["2 fail not-utf8"]],
  ["a value with a noncharacter", "A=1\nB=S3CRET\uFFFF\n", ["2 fail not-utf8"]],
  ["a key in Latin-1", bytes("A\xe9=S3CRET\n"), ["1 fail not-utf8", "1 fail bad-name"]],
  ["CRLF", "A=1\r\nB=2\r\n", ["0 warn crlf"]],
  ["CRLF here and a joined comment there", "# a\\\nB=2\nA=1\r\n", ["0 warn crlf", "1 warn joined-comment"]],
  ["a CR alone", "A=1\nB=2\rC=3\n", ["2 warn crlf"]],
  ["CRLF in quotes", "A='S3CRET\r\n2'\r\n", ["1 fail crlf"]],
  ["CRLF after a backslash", "A=1\r\nB=S3CRET\\\r\n2\r\n", ["2 fail crlf", "3 warn not-an-assignment"]],
  ["export", "export A=S3CRET\n", ["1 fail export A=…"]],
  ["export of one of ours", "export MOSAIC_AGENT_MODEL=S3CRET\n", ["1 fail export MOSAIC_AGENT_MODEL=…"]],
  ["declare -x", "\tdeclare -x A=S3CRET\n", ["1 fail export A=…"]],
  ["export alone", "A=1\nexport A\n", ["2 fail export"]],
  ["export behind", "A=S3CRET; export A\n", ["1 warn export A=…"]],
  ["an open single quote", "A=1\nB='S3CRET\nMOSAIC_PATH=/x\n", ["2 fail open-quote"]],
  ["an open double quote with more wrong in it", 'A="S3CRET $HOME # c\n', ["1 fail open-quote"]],
  ["a second open quote", "A='1' 'S3CRET\n", ["1 fail open-quote"]],
  ["an open quote that a later one closes", 'A="S3CRET\nB=2\nMOSAIC_AGENT_MODEL="x"\n', ["1 fail open-quote"]],
  ["a quote that takes in assignments of others", "A='S3CRET\nB=2\n'\n", ["1 warn open-quote"]],
  ["a quote inside a word", 'MOSAIC_AGENT_WORKDIR=/S3CRET/"my work"\n', ["1 fail inner-quote"]],
  ["$VAR", "A=$S3CRET/x\n", ["1 warn expansion A='…'"]],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell's
  ["${VAR} in double quotes", 'A="x${S3CRET}"\n', ["1 warn expansion A='…'"]],
  ["$( )", "A=$(S3CRET)\n", ["1 warn expansion A='…'"]],
  ["backticks", "A=`S3CRET`\n", ["1 warn expansion A='…'"]],
  ["$HOME in a folder of ours", "MOSAIC_AGENT_WORKDIR=$HOME/S3CRET\n", ["1 fail expansion MOSAIC_AGENT_WORKDIR=~/…"]],
  ["$VAR in another of ours", "MOSAIC_AGENT_MODEL=$S3CRET\n", ["1 fail expansion MOSAIC_AGENT_MODEL='…'"]],
  ["$PATH", "PATH=/S3CRET:$PATH\n", ["1 fail expansion MOSAIC_PATH=…"]],
  [
    "~ where nobody expands it",
    "A=~/S3CRET\nMOSAIC_AGENT_RUNTIME=~/S3CRET\n",
    ["1 warn expansion", "2 fail expansion"],
  ],
  [
    "~ alone, in double quotes, after a colon",
    'A=~\nB="~/S3CRET"\nC=/x:~/y\n',
    ["1", "2", "3"].map((line) => `${line} warn expansion`),
  ],
  [
    "~user",
    "MOSAIC_AGENT_WORKDIR=~S3CRET/x\nMOSAIC_PATH=~/a:~S3CRET/b\nA=~bob/x\n",
    ["1 fail expansion", "2 fail expansion", "3 warn expansion"],
  ],
  ["blanks between quoted pieces", "A='S3CRET' 'b'\n", ["1 warn spaces"]],
  ["words after a quoted command", 'MOSAIC_AGENT_COMMAND="S3CRET" --x\n', ["1 fail spaces"]],
  [
    "a no-break space at an end",
    "A=\u00a0S3CRET\nMOSAIC_AGENT_MODEL=S3CRET\u00a0\n",
    ["1 warn spaces", "2 fail spaces"],
  ],
  ["a no-break space in a command", "MOSAIC_AGENT_COMMAND=S3CRET\u00a0x\n", ["1 fail spaces"]],
  ["two of ours in a line", "MOSAIC_AGENT_MODEL=S3CRET MOSAIC_PATH=/x\n", ["1 fail spaces"]],
  ["a line without =", "A=1\nS3CRET\n[S3CRET]\n", ["2 warn not-an-assignment", "3 warn not-an-assignment"]],
  [
    "one of ours without =",
    "MOSAIC_AGENT_MODEL S3CRET\nMOSAIC_PATH: S3CRET\n",
    ["1 fail not-an-assignment MOSAIC_AGENT_MODEL=…", "2 fail not-an-assignment MOSAIC_PATH=…"],
  ],
  [
    "names that are none",
    "1A=S3CRET\nS3CRET-B=2\nA B=S3CRET\n=S3CRET\n==S3CRET\nÄ=S3CRET\n",
    [1, 2, 3, 4, 5, 6].map((line) => `${line} fail bad-name`),
  ],
  ["ours with hyphens", "MOSAIC-AGENT-MODEL=S3CRET\n", ["1 fail bad-name MOSAIC_AGENT_MODEL=…"]],
  [
    "a key of ours that is none",
    "MOSAIC_FROBNICATE=S3CRET\nMOSAIC_AGENT_ROLE=S3CRET\n",
    ["1 warn unknown-key", "2 warn unknown-key"],
  ],
  ...(
    [
      ["MOSAIC_AGENT_RUNTIM", "MOSAIC_AGENT_RUNTIME"],
      ["MOASIC_AGENT_RUNTIME", "MOSAIC_AGENT_RUNTIME"],
      ["MOSIAC_PATH", "MOSAIC_PATH"],
      ["MOSAC_AGENT_WORKDRI", "MOSAIC_AGENT_WORKDIR"],
      ["mosaic_agent_model", "MOSAIC_AGENT_MODEL"],
      ["MOSAICAGENT_MODEL", "MOSAIC_AGENT_MODEL"],
      ["MOSAIC_AGETN_NAME", "MOSAIC_AGENT_NAME"],
      ["MOSAIC_WORKDIR", "MOSAIC_AGENT_WORKDIR"],
      ["MOSAIC_AGENT_PATH", "MOSAIC_PATH"],
      ["MOSAIC_AGENT_STOP_SECOND", "MOSAIC_AGENT_STOP_SECONDS"],
    ] as const
  ).map(([typed, meant]) => [typed, `${typed}=S3CRET\n`, [`1 warn unknown-key ${meant}`]] as const),
  ["a comment behind a value", "A=S3CRET # c\n", ["1 warn trailing-comment"]],
  ["a comment behind a value of ours", "MOSAIC_AGENT_WORKDIR=/x\t#c\n", ["1 fail trailing-comment"]],
  ["a comment behind nothing", "A= # S3CRET\n", ["1 warn trailing-comment"]],
  ["a comment behind a quoted value", 'A="S3CRET" # c\n', ["1 warn trailing-comment"]],
  ["a comment behind a quoted command", 'MOSAIC_AGENT_COMMAND="S3CRET" # c\n', ["1 fail trailing-comment"]],
  ["a comment that ends with a backslash", "# C:\\\nA=S3CRET\n", ["1 warn joined-comment"]],
  ["a key set twice", "A=S3CRET\nB=2\nA=S3CRET\nA=3\n", ["3 warn duplicate", "4 warn duplicate"]],
];

describe("what systemd does with a file and a person does not expect", () => {
  for (const [what, file, expected] of red)
    test(what, () => {
      expect(short(file)).toEqual([...expected]);
      // What doctor hides in its texts is secrets, and none of our own words.
      for (const { message } of problems(file)) expect(redactorFor("/home/x").redact(message)).toBe(message);
    });

  test("every kind is shown", () => {
    const kinds: Record<EnvProblem["kind"], true> = {
      "byte-order-mark": true,
      nul: true,
      "not-utf8": true,
      crlf: true,
      export: true,
      "open-quote": true,
      "inner-quote": true,
      expansion: true,
      spaces: true,
      "not-an-assignment": true,
      "bad-name": true,
      "unknown-key": true,
      "trailing-comment": true,
      "joined-comment": true,
      "joined-line": true,
      duplicate: true,
    };
    const seen = new Set(red.flatMap(([, file]) => problems(file).map(({ kind }) => kind)));
    expect([...seen].sort()).toEqual((Object.keys(kinds) as EnvProblem["kind"][]).sort());
  });

  test("messages are short, of one line, and hold no value", () => {
    const long = `A${"b".repeat(200)}`;
    const files = [
      ...red.map(([, file]) => file),
      `${long}='S3CRET\n`,
      `${long}=$S3CRET\n`,
      `${long}=1\n${long}=S3CRET # c\n`,
    ];
    for (const { message, suggestion } of files.flatMap(problems)) {
      expect(message.length).toBeLessThanOrEqual(120);
      expect(message).toMatch(/^[^\n\r]+[^.\s]$/);
      expect(`${message}${suggestion ?? ""}`).not.toContain("S3CRET");
    }
  });

  test("from systemd 254 on a comment ends with its line", () => {
    expect(envProblems("# C:\\\nexport A=1\n", known, 254).map(({ line, kind }) => [line, kind])).toEqual([
      [2, "export"],
    ]);
  });

  test("a message says what, why and what to write", () => {
    expect(
      problems("export A=1\nMOSAIC_AGENT_WORKDIR=$HOME/x\nC=1\nC=2\nC=3\nB='x\n").map(({ message }) => message),
    ).toEqual([
      "A is not set: systemd knows no export, write KEY=value alone",
      "MOSAIC_AGENT_WORKDIR: systemd expands no $VAR, $(…) or `…`: write ~/… or the whole path",
      "C is set again (first in line 3): this one counts; keep one of them",
      "C is set again (first in line 3): this one counts; keep one of them",
      "B opens a quote that is never closed: it takes in all the rest of the file",
    ]);
  });
});

describe("nothing is said of", () => {
  const clean: readonly (readonly [string, string | Uint8Array])[] = [
    ["an empty file", ""],
    ["the README's example", "MOSAIC_AGENT_RUNTIME=claude\nMOSAIC_AGENT_WORKDIR=~/work\n"],
    ["every key of ours", known.map((key) => `${key}=x\n`).join("")],
    ["~ where the scripts expand it", `${HOME_KEYS.map((key) => `${key}="~/x"\n`).join("")}`],
    ["several folders", "MOSAIC_PATH=~/.local/bin:~:/x\n"],
    ["a command, which a shell reads", `${SHELL_KEY}=cd ~/x && A=$(id) "$HOME/x y" \`date\` # done\n`],
    ["a command of several lines", `${SHELL_KEY}='A=1\nB="2 3" exec x'\n`],
    ["a $ that is meant", "A='$HOME'\nB=\\$HOME\nC=\"\\$HOME \\`\"\nD=5$\nE=$5\n"],
    ["a ~ that is meant", "A='~/x'\nB=x~\nC=a~b:c\n"],
    [
      "a # that is meant",
      'A=\'v # c\'\nD="v # c"\nMOSAIC_AGENT_WORKDIR="/x/it\'s # y"\nB=v#c\nC=https://x/#y\nE=#ff0000\n',
    ],
    ["spaces around =", "A = 1\n  B= 2\n"],
    ["an odd space that is meant", "A='\u00a0x\u00a0'\nB=x\u00a0y\n"],
    ["JSON", 'A={"x": ["y", 1]}\nB=\'{"x": 1}\'\n'],
    ["a value over several lines", "A='-----BEGIN-----\nMIIE+x/y==\n-----END-----\n'\nB=1\\\n2\n"],
    ["other programs' keys", "ANTHROPIC_API_KEY=x\nMUSIC_PATH=/x\nMOSS_AGENT_MODEL=x\nMAIC=1\n"],
    ["a comment in Latin-1", bytes("# caf\xe9\nA=1\n")],
    ["a comment that ends with two backslashes", "# a\\\\\nA=1\n"],
  ];
  for (const [what, file] of clean)
    test(what, () => {
      expect(problems(file)).toEqual([]);
    });

  test("the good files of the table", () => {
    expect(envFileCases.filter(([, text]) => problems(text).length === 0).map(([what]) => what)).toEqual([
      "a plain assignment",
      "no newline at the end",
      "an empty value",
      "blanks around key and value go",
      "words after a space belong to the value",
      "comments are lines that start with # or ;",
      "single quotes keep everything",
      "double quotes know four escapes",
      "quotes keep blanks at both ends",
      "quotes join lines",
      "a quote inside a word is a letter",
      "a backslash takes the next letter as it is",
      "a backslash before a newline joins lines",
      "a blank after a backslash stays at the end",
      "a blank before a joined line stays",
      "a joined line in double quotes",
      "a backslash at the very end is nothing",
      "a backslash first, then a quote",
      "a joined line starts no quote",
      "an equals sign in the value",
      "unicode",
      "the line after a comment that ends with a backslash",
    ]);
  });
});
