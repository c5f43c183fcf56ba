import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary, type Run } from "../support/build.ts";
import { openFleet, type TestFleet } from "../support/fleet.ts";

// What a program at an agent's terminal really receives.

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await openFleet();
});
afterAll(() => fleet.close());

const START = "\x1b[200~";
const END = "\x1b[201~";

const recordOf = (name: string) => join(fleet.root, `${name}.received`);
const received = (name: string) => readFileSync(recordOf(name), "utf8");

/** An agent that writes down every byte it receives. */
async function recorder(name: string, terminal: "raw" | "bracketed" | "lines"): Promise<void> {
  const settings = { raw: "stty raw -echo; ", bracketed: "stty raw -echo; printf '\\033[?2004h'; ", lines: "" };
  await agent(name, `${settings[terminal]}echo READY; cat >${recordOf(name)}`);
}

async function agent(name: string, script: string): Promise<void> {
  await fleet.agent(name, { MOSAIC_AGENT_COMMAND: `sh -c "${script.replaceAll(/[\\"]/g, "\\$&")}"` });
  await fleet.systemctl("start", `mosaic-agent@${name}`);
  await fleet.wait(`${name} is ready`, async () => (await screen(name)).includes("READY"));
}

const screen = async (name: string) => (await fleet.tmuxCommand("capture-pane", "-p", "-t", `=${name}:`)).stdout;

/** Types it at a shell, with something to read on stdin. */
async function send(words: readonly string[], input?: string | Uint8Array): Promise<Run> {
  const child = Bun.spawn([binary, "agent", "send", ...words], {
    env: fleet.host.env,
    stdin: input === undefined ? "ignore" : Buffer.from(input),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, stdout, stderr };
}

/** Sends what a shell's command prints, by a pipe in the place of a file. */
async function sendFrom(command: string, words: readonly string[]): Promise<Run> {
  const argv = ["bash", "-c", `exec "$0" agent send "$@" --file <(${command})`, binary, ...words];
  const child = Bun.spawn(argv, { env: fleet.host.env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, stdout, stderr };
}

const arrives = (name: string, text: string) =>
  fleet.wait(`${name} has received ${JSON.stringify(text.slice(0, 80))}`, async () => received(name) === text);

/** Throws away, unread, what is typed at its terminal (TCFLSH), as a program does that asks for a password. */
const FLUSHER = `
import { dlopen } from "bun:ffi";
const { symbols } = dlopen("libc.so.6", { ioctl: { args: ["i32", "u64", "u64"], returns: "i32" } });
console.log("READY");
setInterval(() => symbols.ioctl(0, 0x540b, 0), 5);
`;

/** What a shell, tmux or a terminal would take for something else. */
const AWKWARD = `-lead 'single' "double" \`back\` $HOME $(x) \\ ; \\; #{pid} %1 ~ !!\n\n\ttab  two\nüñ 日本語 🎉 e\u0301 \ufeff\nlast;`;

describe("a text", () => {
  for (const terminal of ["raw", "bracketed", "lines"] as const) {
    test(`arrives exactly, then Enter, where the terminal is ${terminal}`, async () => {
      await recorder(terminal, terminal);
      const typed = { raw: `${AWKWARD}\r`, bracketed: `${START}${AWKWARD}${END}\r`, lines: `${AWKWARD}\n` }[terminal];
      expect(await send([terminal, "--", AWKWARD])).toMatchObject({ code: 0, stderr: "" });
      await arrives(terminal, typed);
      // 100 KB, and from a file and stdin the same.
      const large = Array.from({ length: 1_500 }, (_, row) => `row ${row} ${"x".repeat(60)} ü`).join("\n");
      expect(Buffer.byteLength(large)).toBeGreaterThan(100_000);
      const file = join(fleet.root, "large");
      writeFileSync(file, large);
      expect(await send([terminal, "--no-enter", "--file", file])).toMatchObject({ code: 0 });
      const slow = `sleep 0.2; printf ' piped'`; // a pipe has nothing to read at once
      expect(await sendFrom(slow, [terminal, "--no-enter"])).toMatchObject({ code: 0, stderr: "" });
      expect(await send([terminal, "-"], "tail")).toMatchObject({ code: 0, stdout: `sent: 4 bytes to ${terminal}\n` });
      const paste = (text: string) => (terminal === "bracketed" ? `${START}${text}${END}` : text);
      const enter = terminal === "lines" ? "\n" : "\r";
      await arrives(terminal, `${typed}${paste(large)}${paste(" piped")}${paste("tail")}${enter}`);
    });
  }

  test("of many senders at once arrives whole, each with its Enter", async () => {
    await recorder("crowd", "bracketed");
    const texts = Array.from({ length: 12 }, (_, sender) => `${`sender ${sender} `.repeat(700)}end`);
    const results = await Promise.all(texts.map((text) => send(["crowd", "-"], text)));
    expect(results.map(({ code }) => code)).toEqual(texts.map(() => 0));
    const whole = texts.map((text) => `${START}${text}${END}\r`);
    await fleet.wait("all of them", async () => statSync(recordOf("crowd")).size === whole.join("").length);
    expect(
      received("crowd")
        .split(/(?<=\r)/)
        .sort(),
    ).toEqual(whole.sort());
  });

  test("reaches the program, with brackets and Enter, while somebody looks at the scrollback", async () => {
    await recorder("scrolled", "bracketed");
    await fleet.tmuxCommand("copy-mode", "-t", "=scrolled:");
    await send(["scrolled", "two\nlines"]);
    await arrives("scrolled", `${START}two\nlines${END}\r`);
  });

  test("goes to the agent's own pane, whatever somebody opened beside it", async () => {
    await recorder("own", "raw");
    await fleet.tmuxCommand("split-window", "-t", "=own:", "cat");
    await fleet.tmuxCommand("new-window", "-t", "=own:", "cat");
    await send(["own", "mine"]);
    await arrives("own", "mine\r");
  });

  test("leaves no buffer on the server, and those of the user as they were", async () => {
    await recorder("buffers", "raw");
    await fleet.tmuxCommand("set-buffer", "-b", "theirs", "kept");
    await send(["buffers", "x"]);
    expect((await fleet.tmuxCommand("list-buffers", "-F", "#{buffer_name}")).stdout).toBe("theirs\n");
  });
});

describe("what would not arrive as it is, is not sent", () => {
  const cases: readonly (readonly [string, string | Uint8Array, string])[] = [
    ["an end of the paste", `a${END}rm -rf /`, "character 2 of line 1 is Escape (0x1b)"],
    ["Ctrl-C", "one\ntwo\x03", "character 4 of line 2 is Ctrl-C (0x03)"],
    ["NUL", "\0", "character 1 of line 1 is Ctrl-@ (0x00)"],
    ["C1", "\u009b", "character 1 of line 1 is the control character 0x9b"],
    ["CRLF", "a\r\nb", "tr -d '\\r' <FILE | mosaic-fleet agent send raw -"],
    ["no UTF-8", new Uint8Array([0x61, 0xff, 0x62]), "byte 2 is not UTF-8"],
    ["nothing", "", "the text is empty"],
  ];
  for (const [what, input, why] of cases) {
    test(what, async () => {
      const before = received("raw");
      const result = await send(["raw", "-"], input);
      expect(result).toMatchObject({ code: 64, stdout: "" });
      expect(result.stderr).toContain(why);
      expect(received("raw")).toBe(before);
    });
  }

  test("what Ctrl-C has cut off", async () => {
    const before = received("raw");
    const child = Bun.spawn([binary, "agent", "send", "raw", "-"], { env: fleet.host.env, stdin: "pipe" });
    child.stdin.write("half a ");
    await child.stdin.flush();
    const handled = async () => /^SigCgt:.*[2367abef]$/m.test(readFileSync(`/proc/${child.pid}/status`, "utf8"));
    await fleet.wait("it is ready for Ctrl-C", handled);
    child.kill("SIGINT");
    await child.exited;
    expect(child.signalCode).toBe("SIGINT");
    expect(received("raw")).toBe(before);
  });

  test("a line that the kernel would cut", async () => {
    const before = received("lines");
    expect(await send(["lines", "-"], "x".repeat(4_096))).toMatchObject({ code: 64 });
    expect(received("lines")).toBe(before);
    expect(await send(["lines", "-"], "y".repeat(4_095))).toMatchObject({ code: 0 });
    await arrives("lines", `${before}${"y".repeat(4_095)}\n`);
    expect(await send(["raw", "-"], "x".repeat(9_000))).toMatchObject({ code: 0 }); // no lines, no limit
  });
});

describe("no program to take it", () => {
  test("no such agent: the one that was meant", async () => {
    const { code, stderr } = await send(["craw", "x"]);
    expect({ code, stderr }).toMatchObject({ code: 64, stderr: expect.stringContaining("did you mean raw?") });
    expect((await send(["../x", "x"])).code).toBe(64);
  });

  test("stopped", async () => {
    await recorder("stopped", "raw");
    await fleet.systemctl("stop", "mosaic-agent@stopped");
    const { code, stderr } = await send(["stopped", "x"]);
    expect(code).toBe(69);
    expect(stderr).toContain("mosaic-fleet agent start stopped");
  });

  test("ended, its pane still there: 69, and the server lives", async () => {
    await fleet.agent("ended", { MOSAIC_AGENT_COMMAND: "sh -c 'sleep 0.2; exit 3'" });
    await fleet.dropIn("mosaic-agent@ended.service", "[Service]\nRestart=no\n");
    await fleet.systemctl("start", "mosaic-agent@ended");
    await fleet.wait("its end", async () => (await fleet.pane("ended"))?.dead);
    const server = await fleet.tmux.server();
    expect(await send(["ended", "x"])).toMatchObject({ code: 69, stdout: "" });
    expect(await fleet.tmux.server()).toEqual(server);
  });

  test("its keyboard is cut off", async () => {
    await fleet.tmuxCommand("select-pane", "-d", "-t", "=raw:");
    const { code, stderr } = await send(["raw", "x"]);
    expect(code).toBe(69);
    const next = /Next: (tmux .*)/.exec(stderr)?.[1] ?? "";
    expect(await fleet.host.exec(["sh", "-c", next])).toMatchObject({ kind: "exited", code: 0 });
    expect((await send(["raw", "x"])).code).toBe(0);
  });
});

describe("--verify", () => {
  const verify = (name: string, text: string, ...more: string[]) =>
    send([name, "-", "--verify", "--timeout", "1s", ...more], text);

  test("a program that reads: accepted", async () => {
    for (const name of ["raw", "bracketed", "lines"])
      expect(await verify(name, "some text\nof two lines")).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^accepted: 22 bytes to /),
      });
  });

  test("a program that never reads, though the kernel shows what is typed: unverifiable", async () => {
    await agent("deaf", "echo READY; exec sleep infinity");
    const result = await verify("deaf", "hello there");
    expect(result.stdout).toMatch(
      /^unverifiable: 11 bytes to deaf: 12 bytes lie unread at its terminal, where .*sleep/,
    );
    expect(result.code).toBe(2);
    expect(await screen("deaf")).toContain("hello there");
  });

  test("a program that reads files, and never its terminal: unverifiable", async () => {
    await agent("busy", "echo READY; while :; do cat /etc/passwd >/dev/null; sleep 0.05; done");
    expect(await verify("busy", "x")).toMatchObject({ code: 2 });
  });

  test("a program that throws its input away: unverifiable", async () => {
    const flusher = join(fleet.root, "flusher.ts");
    writeFileSync(flusher, FLUSHER);
    await agent("flusher", `exec ${process.execPath} ${flusher}`);
    const result = await verify("flusher", "x".repeat(3_000));
    expect(result.stdout).toContain("has read");
    expect(result.code).toBe(2);
  });

  test("a line that is not ended, at a program that reads lines: unverifiable, since it waits in the kernel", async () => {
    expect(await verify("lines", "no end", "--no-enter")).toMatchObject({ code: 2 });
    expect(await verify("lines", " now")).toMatchObject({ code: 0 });
  });
});
