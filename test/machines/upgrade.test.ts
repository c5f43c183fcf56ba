import { beforeAll, expect, test } from "bun:test";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { tree } from "../support/build.ts";
import { BEFORE, packageBefore, releaseBefore, releaseNow } from "../support/machine-releases.ts";
import { otherTmux, type Suite } from "../support/machine-root.ts";
import { story } from "../support/machine-story.ts";

// What a running fleet stands on is replaced under it: first by this release, with a unit that the user has edited, then
// its tmux by another version's package. The tests of a suite are one story, in order.

const { version } = await Bun.file(join(tree, "package.json")).json();

const server = "http://127.0.0.1:8080";
const names = ["one", "talk", "two"];
const unit = ".config/systemd/user/mosaic-agent@.service";

interface Agent {
  readonly name: string;
  readonly state: string;
  readonly pid: number;
}

const share = (folder: string, suite: Suite) => {
  releaseNow(join(folder, "now"));
  releaseBefore(join(folder, "before"));
  packageBefore(join(folder, "now"), join(folder, "before"));
  cpSync(otherTmux(suite), join(folder, "tmux"), { recursive: true });
};

story("upgrades on a machine with Debian %s", "container", { share, also: otherTmux }, ({ machine, fleet, check }) => {
  /** The pid of each agent's program; throws where one is not up. */
  const running = (): Record<string, number> => {
    const { agents } = JSON.parse(fleet("status -o json").stdout) as { agents: Agent[] };
    const up = agents.filter(({ state }) => state === "up").map(({ name, pid }) => [name, pid]);
    expect(up.map(([name]) => name)).toEqual(names);
    return Object.fromEntries(up);
  };
  const serverPid = () => machine.asRoot("pgrep -u ada -x 'tmux: server'").stdout.trim();
  const untilUp = (count = names.length) =>
    machine.until("every agent is back", `[ "$(pgrep -u ada -x -c 'sleep|cat')" = ${count} ]`);

  beforeAll(() => {
    machine.asRoot("busybox httpd -p 127.0.0.1:8080 -h /release");
  });

  test("the release of before runs a fleet", () => {
    const script = `curl -fsS ${server}/before/install.sh | sh -s -- --base-url ${server}/before`;
    expect(machine.login(script)).toMatchObject({ code: 0 });
    expect(fleet("--version").stdout).toBe(`${BEFORE}\n`);
    machine.login("sudo loginctl enable-linger ada");
    expect(fleet("install --enable --now")).toMatchObject({ code: 0 });
    const add = `printf 'MOSAIC_AGENT_COMMAND=%s\\n' "$1" >.config/mosaic/fleet/agents/$2.env; systemctl --user enable --now mosaic-agent@$2`;
    for (const [name, command] of [
      ["one", "sleep infinity"],
      ["two", "sleep infinity"],
      ["talk", "cat"],
    ])
      expect(machine.login(`sh -c '${add.replaceAll("'", `'\\''`)}' add '${command}' ${name}`).code).toBe(0);
    untilUp();
  });

  test("self-update and install bring what is new, keep the unit that the user has edited, and restart nothing", () => {
    const before = machine.asRoot("pgrep -u ada -x 'sleep|cat'").stdout;
    expect(before.trim().split("\n")).toHaveLength(3);
    const updated = fleet(`self-update --canary -o json --from ${server}/now`);
    expect(updated).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(updated.stdout)).toMatchObject({ applied: true, current: BEFORE, canary: "pass", layout: true });
    expect(fleet("--version").stdout).toBe(`${version}\n`);
    machine.login(`printf '\\n# mine\\n[Service]\\nNice=5\\n' >>${unit}; systemctl --user daemon-reload`);
    expect(fleet("install --yes")).toMatchObject({ code: 1 }); // to be decided
    expect(machine.login(`tail -n 1 ${unit}`).stdout).toBe("Nice=5\n");
    expect(machine.login(`head -n 1 ${unit}.mosaic-new`).stdout).toStartWith("# One agent:");
    expect(machine.asRoot("pgrep -u ada -x 'sleep|cat'").stdout).toBe(before);
    expect(check("layout.pending")).toMatchObject({ status: "warn" });
  });

  test("undecided, with the edited unit of before and the scripts of now, a fleet that runs keeps its promises", () => {
    const before = running();
    machine.asRoot(`kill -9 ${before.one}`);
    machine.until("it is gone", `[ ! -e /proc/${before.one} ]`);
    untilUp();
    expect(running()).toMatchObject({ two: before.two, talk: before.talk });
    expect(fleet("agent stop two")).toMatchObject({ code: 0 });
    expect(machine.login("systemctl --user is-active mosaic-agent@two").stdout).toBe("inactive\n");
    expect(fleet("agent start two")).toMatchObject({ code: 0 });
    const old = serverPid();
    machine.asRoot(`kill -9 ${old}`);
    machine.until(
      "another server",
      `[ "$(pgrep -u ada -x 'tmux: server')" != ${old} ] && pgrep -u ada -x 'tmux: server'`,
    );
    untilUp();
    running();
  });

  test("what the user decides for is taken and restarted, and the canary proves it", () => {
    expect(fleet(`install --yes --take "$HOME/${unit}"`)).toMatchObject({ code: 0 });
    expect(fleet("install --restart").stdout).toContain("holds:");
    running();
    expect(machine.login(`cat ${unit}`).stdout).not.toContain("Nice=5");
    expect(check("layout.pending")).toMatchObject({ status: "pass" });
  });

  test("another tmux is installed under the fleet: doctor notices, and every command still works", () => {
    const before = { agents: running(), server: serverPid() };
    const version = () => machine.login("tmux -V").stdout;
    const old = version();
    expect(machine.asRoot("dpkg --install /release/tmux/*.deb")).toMatchObject({ code: 0 });
    expect(version()).not.toBe(old);
    expect({ agents: running(), server: serverPid() }).toEqual(before);
    expect(check("tmux.server-version")).toMatchObject({
      status: "warn",
      message: expect.stringContaining(`the server (pid ${before.server}) is still ${old.trim().split(" ")[1]}`),
    });
    expect(fleet("agent send talk 'said to it'")).toMatchObject({ code: 0 });
    machine.until(
      "it has come",
      "runuser -u ada -- tmux -L mosaic-factory capture-pane -p -t =talk: | grep -q 'said to it'",
    );
    expect(fleet("agent restart one")).toMatchObject({ code: 0 });
    machine.asRoot(`kill -9 ${before.agents.two}`);
    machine.until("it is gone", `[ ! -e /proc/${before.agents.two} ]`);
    untilUp();
    running();
    expect(serverPid()).toBe(before.server);
  });

  test("what doctor says to type brings every agent to the new tmux", () => {
    const before = running();
    const [command = ""] = check("tmux.server-version").fix.commands;
    expect(command).toStartWith("systemctl --user restart mosaic-tmux-holder.service");
    expect(machine.login(command)).toMatchObject({ code: 0 });
    untilUp();
    const now = running();
    for (const name of names) expect(now[name]).not.toBe(before[name]);
    expect(check("tmux.server-version")).toMatchObject({ status: "pass" });
    const { verdict } = JSON.parse(fleet("canary -o json").stdout);
    expect(verdict).toBe("pass");
  });

  test("while its tmux is away a holder that has crashed keeps trying, and its agents come back with it", () => {
    const old = serverPid();
    machine.asRoot(`mv /usr/bin/tmux /usr/bin/tmux.away; kill -9 ${old}`);
    const holder =
      "runuser -u ada -- env XDG_RUNTIME_DIR=/run/user/1000 journalctl --user -u mosaic-tmux-holder -o cat";
    machine.until("it has tried", `${holder} | grep -q 'tried again until it succeeds'`);
    expect(check("tmux.version")).toMatchObject({ status: "fail" });
    machine.asRoot("mv /usr/bin/tmux.away /usr/bin/tmux");
    untilUp();
    running();
  });
  test("the package of before is upgraded under a fleet that it has laid out: nothing of that is disturbed, and doctor says what is due", () => {
    expect(fleet("uninstall --yes").code).toBe(0);
    machine.login("rm .local/bin/mosaic-fleet*");
    const apt = (folder: string) => machine.asRoot(`apt-get install -y -q /release/${folder}/mosaic-fleet_*.deb`);
    expect(apt("before")).toMatchObject({ code: 0 });
    expect(fleet("--version").stdout).toBe(`${BEFORE}\n`);
    expect(fleet("install --enable --now")).toMatchObject({ code: 0 });
    expect(fleet("agent start --all")).toMatchObject({ code: 0 });
    const before = { agents: running(), server: serverPid() };
    expect(apt("now")).toMatchObject({ code: 0 });
    expect(fleet("--version").stdout).toBe(`${version}\n`);
    const due = check("layout.files");
    expect(due.status).toBe("fail");
    expect(due.subjects.flatMap(({ fix }) => fix.commands)).toContain("mosaic-fleet install");
    expect(fleet("install --yes")).toMatchObject({ code: 0 });
    expect({ agents: running(), server: serverPid() }).toEqual(before);
    machine.asRoot(`kill -9 ${before.agents.one}`);
    machine.until("it is gone", `[ ! -e /proc/${before.agents.one} ]`);
    untilUp();
    expect(running()).toMatchObject({ two: before.agents.two, talk: before.agents.talk });
  });
});
