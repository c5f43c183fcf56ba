import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary, bun } from "../support/build.ts";
import { openFleet, type TestFleet } from "../support/fleet.ts";

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await openFleet();
});
afterAll(() => fleet.close());

const tail = (...words: string[]) => fleet.host.exec([binary, "agent", "tail", ...words], { timeoutMs: 20_000 });
const screen = async (name: string) => (await fleet.tmuxCommand("capture-pane", "-p", "-t", `=${name}:`)).stdout;
const press = (name: string, ...keys: string[]) => fleet.tmuxCommand("send-keys", "-t", `=${name}:`, ...keys);

/** An agent that runs a script, which says READY. */
async function agent(name: string, script: string): Promise<void> {
  const file = join(fleet.root, `${name}.sh`);
  writeFileSync(file, script);
  await fleet.agent(name, { MOSAIC_AGENT_COMMAND: `sh ${file}` });
  await fleet.systemctl("start", `mosaic-agent@${name}`);
  await fleet.up(name);
  await fleet.wait(`${name} is ready`, async () => (await screen(name)).includes("READY"));
}

const count = (to: number, from = 1) => Array.from({ length: to - from + 1 }, (_, n) => `line ${n + from}`);
const text = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join("");

describe("what is there", () => {
  test("the screen as it is; with -n what has gone above it, too; a line that was broken at the edge is one", async () => {
    const long = "word ".repeat(100).trim();
    await agent("lines", `seq -f 'line %g' 300; echo '${long}'; echo READY; exec sleep infinity`);
    const whole = [...count(300), long, "READY"];
    const shown = await tail("lines");
    expect(shown).toMatchObject({ kind: "exited", code: 0, stderr: "" });
    expect(shown.stdout).toBe(text(whole.slice(-shown.stdout.trimEnd().split("\n").length)));
    expect(shown.stdout.split("\n").length).toBeGreaterThan(40);
    expect((await tail("lines", "-n", "2")).stdout).toBe(text(whole.slice(-2)));
    expect((await tail("lines", "-n", "250")).stdout).toBe(text(whole.slice(-250)));
    expect((await tail("lines", "-n", "all")).stdout).toBe(text(whole));
    expect((await tail("lines", "-n", "0")).stdout).toBe("");
  });

  test("as many lines as were asked for, though each takes more than a row", async () => {
    const long = Array.from({ length: 120 }, (_, n) => `${n} ${"x".repeat(900)}`);
    await agent(
      "wide",
      `for n in $(seq 0 119); do echo "$n ${"x".repeat(900)}"; done; echo READY; exec sleep infinity`,
    );
    expect((await tail("wide", "-n", "101")).stdout).toBe(text([...long.slice(-100), "READY"]));
  });

  test("of a full-screen program its screen; above it, what is beneath", async () => {
    await agent("full", "echo before; printf '\\033[?1049h\\033[H\\033[2Jtitle\\033[3;3HREADY'; exec sleep infinity");
    expect((await tail("full")).stdout).toBe("title\n\n  READY\n");
    expect((await tail("full", "-n", "all")).stdout).toBe("before\ntitle\n\n  READY\n");
  });

  test("nothing in it does anything to a terminal; boxes look like boxes; colours only where they are wanted", async () => {
    await agent(
      "odd",
      "printf '\\033[31mred\\033[0m bidi\\342\\200\\256 \\033(0lqk\\033(B READY'; exec sleep infinity",
    );
    expect((await tail("odd")).stdout).toBe("red bidi\\u202e ┌─┐ READY\n");
    const coloured = await fleet.host.exec([binary, "agent", "tail", "odd"], { env: { FORCE_COLOR: "1" } });
    expect(coloured.stdout).toBe("\x1b[31mred\x1b[0m bidi\\u202e ┌─┐ READY\n");
    const plain = await fleet.host.exec([binary, "agent", "tail", "odd"], { env: { FORCE_COLOR: "1", NO_COLOR: "1" } });
    expect(plain.stdout).toBe("red bidi\\u202e ┌─┐ READY\n");
  });

  test("of one that has ended, what it left; of one that does not run, what to type", async () => {
    await agent("gone", "echo READY; read line; echo last words");
    await fleet.dropIn("mosaic-agent@gone.service", "[Service]\nRestart=no\n");
    await press("gone", "Enter");
    await fleet.wait("it has ended", async () => (await fleet.unit("gone")).active === "inactive");
    const ended = await tail("gone");
    expect(ended).toMatchObject({ kind: "exited", code: 0, stderr: "gone's program has ended.\n" });
    expect(ended.stdout).toMatch(/^\nlast words\nPane is dead \(status 0, .*\)\n$/);
    await fleet.host.exec([binary, "agent", "stop", "gone"]);
    const stopped = await tail("gone");
    expect(stopped).toMatchObject({ kind: "exited", code: 69, stdout: "" });
    expect(stopped.stderr).toContain("mosaic-fleet agent start gone");
    const unknown = await tail("gome");
    expect(unknown).toMatchObject({ kind: "exited", code: 64, stdout: "" });
    expect(unknown.stderr).toContain("did you mean gone?");
  });
});

describe("-f", () => {
  /** tail -f at work, and how many tmux clients it has started. */
  function following(name: string, ...words: string[]) {
    const folder = join(fleet.root, `clients-${name}`);
    const log = join(folder, "log");
    mkdirSync(folder);
    writeFileSync(join(folder, "tmux"), `#!/bin/sh\necho >>${log}\nPATH=\${PATH#*:} exec tmux "$@"\n`);
    chmodSync(join(folder, "tmux"), 0o755);
    const env = { ...fleet.host.env, PATH: `${folder}:${fleet.host.env.PATH}` };
    const child = Bun.spawn([binary, "agent", "tail", name, "-f", ...words], { env, stdout: "pipe", stderr: "pipe" });
    const said = { stdout: "", stderr: "" };
    const collect = async (stream: "stdout" | "stderr") => {
      const decoder = new TextDecoder();
      for await (const chunk of child[stream]) said[stream] += decoder.decode(chunk, { stream: true });
    };
    const over = Promise.all([collect("stdout"), collect("stderr")]);
    const clients = () => (existsSync(log) ? readFileSync(log, "utf8").length : 0);
    return {
      said,
      clients,
      /** Waits until it has asked nobody for two seconds and a half: who looks every second never does. */
      rests() {
        let [seen, since] = [clients(), performance.now()];
        return fleet.wait("it asks nobody", async () => {
          if (clients() !== seen) [seen, since] = [clients(), performance.now()];
          return performance.now() - since > 2_500;
        });
      },
      until: (what: string) =>
        fleet
          .wait(`it says ${what}`, async () => `${said.stdout}${said.stderr}`.includes(what))
          .catch((error) => {
            throw new Error(`${error}\n${JSON.stringify(said)}`);
          }),
      over: () => over.then(() => child.exited),
      end() {
        child.kill("SIGINT");
        return over.then(() => child.exited);
      },
    };
  }

  test("each line that comes, once and in order, however many at once", async () => {
    const script = `stty -echo; n=0; echo READY; while read -r more; do m=$((n + more)); seq -f 'line %g' $((n + 1)) $m; n=$m; done`;
    await agent("grows", script);
    const follower = following("grows");
    await follower.until("READY");
    let last = 0;
    for (const more of [1, 1, 40, 300, 3, 2000]) {
      await press("grows", String(more), "Enter");
      last += more;
      if (more !== 40) await follower.until(`line ${last}\n`); // nobody waits until 40 lines have been seen
    }
    expect(await follower.end()).toBe(130);
    expect(follower.said).toEqual({ stdout: text(["READY", ...count(2345)]), stderr: "" });
  });

  test("the same of lines that are alike, of many rows, in bursts, by chance", async () => {
    const seed = Number(process.env.SEED ?? Date.now() % 100_000);
    console.log(`SEED=${seed}`);
    const [program, written] = [join(fleet.root, "chance.ts"), join(fleet.root, "chance.written")];
    writeFileSync(
      program,
      `import { appendFileSync, writeSync } from "node:fs";
       let seed = ${seed};
       const chance = (n: number) => (seed = (seed * 1103515245 + 12345) % 2 ** 31, (seed >> 8) % n);
       const say = (text: string) => { appendFileSync("${written}", text); writeSync(1, text); };
       say("READY\\n");
       for await (const _ of process.stdin) break;
       for (let line = 0, end = Date.now() + 3_000; Date.now() < end; ) {
         let text = "";
         for (let left = chance(8) ? 1 + chance(12) : 200 + chance(900); left > 0; left--)
           text += (chance(4) ? "line " + ++line : "alike") + (chance(15) ? "" : " x" + "x".repeat(chance(700))) + "\\n";
         say(text);
         await Bun.sleep(chance(3) ? chance(60) : chance(400));
       }
       say("the end\\n");`,
    );
    await agent("chance", `stty -echo; ${bun} ${program}; exec sleep infinity`);
    const follower = following("chance");
    await follower.until("READY");
    await press("chance", "Enter");
    await follower.until("the end\n");
    await follower.end();
    expect(follower.said.stdout).toBe(readFileSync(written, "utf8"));
  });

  test("while nothing comes it asks nobody; where the kernel echoes what is typed it looks once a second", async () => {
    await agent("quiet", "stty -echo; echo READY; while read -r line; do echo $line; done");
    const follower = following("quiet");
    await follower.until("READY");
    await follower.rests();
    await press("quiet", "here", "Enter");
    await follower.until("here\n");
    await follower.end();
    await agent("echoes", "echo READY; exec cat >/dev/null");
    const other = following("echoes");
    await other.until("READY");
    const before = other.clients();
    await fleet.wait("it looks now and then", async () => other.clients() > before + 1);
    await press("echoes", "typed");
    await other.until("typed\n");
    await other.end();
  });

  test("a restart is gone through, and said; a stop ends it", async () => {
    const lives = join(fleet.root, "lives");
    await agent("mortal", `echo >>${lives}; echo life $(wc -l <${lives}); echo READY; read line; exit 7`);
    const follower = following("mortal");
    await follower.until("life 1\n");
    await press("mortal", "Enter");
    await follower.until("life 2\n");
    expect(follower.said.stderr).toContain("mortal's program has ended.\nmortal was started anew.\n");
    expect(follower.said.stdout).toMatch(/life 1\nREADY\nPane is dead \(status 7, .*\)\n\n?life 2\n/);
    await fleet.systemctl("stop", "mosaic-agent@mortal");
    expect(await follower.over()).toBe(0);
    expect(follower.said.stderr).toContain(
      "mortal does not run any more. To start it: mosaic-fleet agent start mortal\n",
    );
  });

  test("a crash of the server is gone through", async () => {
    await agent("crash", "echo READY; exec sleep infinity");
    const follower = following("crash", "-n", "0");
    await fleet.wait("it follows", async () => follower.clients() > 2);
    fleet.host.kill((await fleet.tmux.server())?.pid ?? 0, "SIGKILL");
    await follower.until("crash was started anew.\n");
    await fleet.wait("its new screen", async () => follower.said.stdout.includes("READY\n"));
    expect(await follower.end()).toBe(130);
  });

  test("a server that does not answer for a while is waited for; who asks it something new is told", async () => {
    await agent("stuck", "stty -echo; echo READY; while read -r line; do echo $line; done");
    const follower = following("stuck");
    await follower.until("READY");
    const server = (await fleet.tmux.server())?.pid ?? 0;
    const tty = (await fleet.tmuxCommand("display-message", "-p", "-t", "=stuck:", "#{pane_tty}")).stdout.trim();
    process.kill(server, "SIGSTOP");
    try {
      writeFileSync(tty, "now it looks\n");
      const unanswered = await tail("stuck");
      expect(unanswered).toMatchObject({ kind: "exited", code: 69, stdout: "" });
      expect(unanswered.stderr).toContain("the fleet's tmux server does not answer");
    } finally {
      process.kill(server, "SIGCONT");
    }
    await press("stuck", "there again", "Enter");
    await follower.until("there again\n");
    expect(await follower.end()).toBe(130);
    expect(follower.said).toEqual({ stdout: "READY\nnow it looks\nthere again\n", stderr: "" });
  });

  test("of one that runs, and cannot be seen: why, not that it does not run", async () => {
    await agent("unseen", "echo READY; exec sleep infinity");
    const said = async (verb: string) =>
      (await fleet.host.exec([binary, "agent", verb, "unseen"], { timeoutMs: 30_000 })).stderr;
    const next = "mosaic-fleet doctor --only holder,tmux,agents";
    await fleet.tmuxCommand("rename-session", "-t", "=unseen", "other");
    for (const verb of ["tail", "watch", "attach"]) {
      expect(await said(verb)).toContain("somebody renamed it to other");
      expect(await said(verb)).toContain(next);
    }
    await fleet.tmuxCommand("rename-session", "-t", "=other", "unseen");
    const server = (await fleet.tmux.server())?.pid ?? 0;
    const socket = (await fleet.tmuxCommand("display-message", "-p", "#{socket_path}")).stdout.trim();
    rmSync(socket);
    try {
      expect(await said("tail")).toContain(
        "unseen: its unit is active (running), but the holder's server does not answer",
      );
      const doctor = await fleet.host.exec([binary, ...next.split(" ").slice(1)]);
      expect(doctor.stdout).toContain(`kill -USR1 ${server}`);
    } finally {
      process.kill(server, "SIGUSR1");
      await fleet.wait("the socket is there", async () => existsSync(socket));
    }
  });

  test("a full-screen program: the rows that have changed, once they rest; then again what comes beneath", async () => {
    const frames = "for n in 1 2 3 4 5 6 7 8; do printf '\\033[2;1HWorking %ss' $n; sleep 0.15; done";
    await agent(
      "page",
      `stty -echo; echo READY; read -r go; printf '\\033[?1049h\\033[H\\033[2Jtitle'; ${frames}; printf '\\033[2;1H\\033[KDone.';
       read -r go; printf '\\033[?1049l'; echo after; exec sleep infinity`,
    );
    const follower = following("page");
    await follower.until("READY");
    await press("page", "Enter");
    await follower.until("Done.\n");
    await press("page", "Enter");
    await follower.until("after\n");
    await follower.end();
    expect(follower.said.stdout).toMatch(/^READY\ntitle\n(Working 1s\n)?Done\.\nafter\n$/);
  });

  test.each(["while sleep 0.1; do echo on and on; done", "exec sleep infinity"])(
    "it ends when nobody reads any more, whether there is more to read or not: %s",
    async (then) => {
      const name = then.startsWith("exec") ? "quiet" : "piped";
      await agent(name, `echo READY; ${then}`);
      const piped = await fleet.host.exec(["sh", "-c", `"$0" agent tail ${name} -f | grep -m 1 READY`, binary], {
        timeoutMs: 10_000,
      });
      expect(piped).toMatchObject({ kind: "exited", code: 0, stdout: "READY\n", stderr: "" });
    },
  );
});
