import { beforeAll, expect, test } from "bun:test";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { PROVED } from "../../src/core/proved.ts";
import { tree } from "../support/build.ts";
import { releaseNow } from "../support/machine-releases.ts";
import { AS_USER, type Found, story } from "../support/machine-story.ts";

// A fleet's life on a whole machine with logind, real logins and reboots, as an ordinary user types it. The tests of a
// suite are one story, in order.

const { version } = await Bun.file(join(tree, "package.json")).json();
const share = (folder: string) => {
  releaseNow(join(folder, "current"));
  cpSync(join(tree, "scripts/ci"), join(folder, "ci"), { recursive: true });
};

const PATH = 'PATH=$HOME/.local/bin:"$PATH"';
const SSH = "ssh -o StrictHostKeyChecking=no -o LogLevel=ERROR";
const MOSAIC = "/home/ada/.local/bin/mosaic-fleet";
const doctor = `${MOSAIC} doctor -o json --only systemd`;
const ROOT_LOGIN = `cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys; ${SSH} root@127.0.0.1`;
/** Lists people's sessions: from systemd 256 on a user's manager is one too. */
const LOGGED_IN = "loginctl list-sessions --no-legend | grep -Ev ' (manager|closing) '";
const server = "http://127.0.0.1:8080";
/** What stays: the folders and the settings that the user has made, what enables the agents, which uninstall names, and tmux's folder. */
const OWN =
  /^\/(tmp\/tmux-1000|home\/ada\/(work|\.config|\.config\/mosaic|\.config\/systemd(\/user(\/default\.target\.wants(\/mosaic-agent@(one|two)\.service)?)?)?|\.config\/mosaic\/fleet(\/agents(\/(one|two)\.env)?)?))$/;
/** Lists all that is the user's, or has a name of ours or of tmux, wherever it is on the machine. */
const EVERYTHING = `find / /tmp /run /dev/shm -xdev \\( -path /release -o -path /run/user \\) -prune -o \\( -user ada -o -name '*mosaic*' -o -name 'tmux-*' \\) -print | sort`;

story("a machine with Debian %s", "container", { share }, ({ suite, machine, fleet, check }) => {
  const units = (words: string) => machine.login(`systemctl --user ${words}`).stdout;
  /** The agents' processes, one name a line; as root sees them, whoever is logged in. */
  const agents = () => machine.asRoot("pgrep -u ada -x sleep -d ' '").stdout.trim();

  beforeAll(() => {
    machine.asRoot("busybox httpd -p 127.0.0.1:8080 -h /release");
  });

  test("it has the systemd and the tmux that the supported range names for it", () => {
    const { systemd, tmux } = PROVED[suite];
    expect(machine.asRoot("systemctl --version").stdout).toStartWith(`systemd ${systemd} `);
    expect(machine.asRoot("tmux -V").stdout).toBe(`tmux ${tmux}\n`);
  });

  test("install.sh puts the release there, from a server, and looks at the machine", () => {
    const script = `curl -fsS ${server}/current/install.sh >install.sh && sh install.sh --base-url ${server}/current`;
    const { code, stdout } = machine.login(script);
    expect(stdout).toContain("SHA-256 good");
    expect(stdout).toContain("Nothing is broken.");
    expect(code).toBe(0);
    expect(fleet("--version").stdout).toBe(`${version}\n`);
  });

  test("doctor finds nothing broken but that nothing is installed, and says what to type", () => {
    const { checks } = JSON.parse(fleet("doctor -o json").stdout) as { checks: Found[] };
    const failed = checks.filter(({ status }) => status === "fail" || status === "unknown");
    expect(failed.map(({ id }) => id)).toEqual(["layout.files", "units.loaded"]);
    const fixes = failed.flatMap(({ fix, subjects }) => [fix, ...subjects.map((each) => each.fix)]);
    expect([...new Set(fixes.flatMap(({ commands }) => commands))]).toEqual(["mosaic-fleet install"]);
  });

  test("it is laid out, and the canary proves it on the machine's own manager", () => {
    machine.asRoot(`${EVERYTHING} >/root/before-install`);
    expect(fleet("install --enable --now").code).toBe(0);
    const { stdout } = fleet("canary -o json");
    expect(JSON.parse(stdout)).toMatchObject({ verdict: "pass", sandbox: false });
    expect(JSON.parse(fleet("doctor -o json").stdout)).toMatchObject({ ok: true });
  });

  test("an agent's screen is shown as it is, by this machine's tmux; who watches leaves nothing there", () => {
    const script = `seq -f 'line %g' 100; printf '\\033[31mred\\033[0m \\033(0lqk\\033(B'; stty -echo; while read -r line; do echo "$line"; done`;
    machine.login(
      `cat >shown.sh <<'END'\n${script}\nEND\nprintf 'MOSAIC_AGENT_COMMAND=sh %s/shown.sh\n' "$HOME" >.config/mosaic/fleet/agents/shown.env`,
    );
    expect(fleet("agent start shown").code).toBe(0);
    expect(fleet("agent tail shown -n 3").stdout).toBe("line 99\nline 100\nred ┌─┐\n");
    expect(fleet("agent tail shown -n all").stdout.split("\n")).toHaveLength(102);
    const before = machine.login("tmux -L mosaic-factory list-windows -a").stdout;
    const seen = "for i in $(seq 100); do grep -q 'line 100' watched && break; sleep 0.1; done; printf q";
    const watch = `export TERM=xterm ${PATH}; touch watched; { ${seen}; } | script -qfec 'stty cols 80 rows 24; mosaic-fleet agent watch shown' watched`;
    const watched = machine.login(watch);
    expect(watched.code).toBe(0);
    expect(watched.stdout).toContain("shown: up");
    expect(watched.stdout).toContain("line 100");
    expect(machine.login("tmux -L mosaic-factory list-windows -a; tmux -L mosaic-factory list-clients").stdout).toBe(
      before,
    );
    const follow = `${PATH}; mosaic-fleet agent tail shown -n 0 -f >followed & for i in $(seq 100); do tmux -L mosaic-factory send-keys -t =shown: on Enter; grep -q on followed && break; sleep 0.1; done; kill $!; cat followed`;
    // The line that was begun before is whole with the first of them, if it looks on by then.
    expect(machine.login(follow).stdout).toMatch(/^(?:red ┌─┐)?(?:on\n)+$/);
    machine.login(
      `${PATH} mosaic-fleet agent stop shown; rm shown.sh watched followed .config/mosaic/fleet/agents/shown.env`,
    );
  });

  test("an agent that cannot start says why, in its script's own words, out of the journal", () => {
    machine.login("printf 'MOSAIC_AGENT_WORKDIR=/nowhere\\n' >.config/mosaic/fleet/agents/lost.env");
    const { code, stdout } = fleet("agent start lost");
    fleet("agent rm lost --yes");
    machine.login("rm .config/mosaic/fleet/agents/lost.env.removed-*");
    expect(code).toBe(1);
    expect(stdout).toContain("FAILED  lost: not started: working folder '/nowhere' is not there");
  });

  test("without lingering doctor foretells that the agents end at logout, and so they do", () => {
    machine.login(
      `mkdir -p work; for name in one two; do printf 'MOSAIC_AGENT_COMMAND=sleep infinity\\n' >.config/mosaic/fleet/agents/$name.env; done;
       systemctl --user enable --now mosaic-agent@one mosaic-agent@two`,
    );
    const logout = machine.stayLoggedIn();
    try {
      expect(check("login.linger")).toMatchObject({ status: "warn" });
      expect(check("login.linger").message).toContain("ends when the last session logs out");
      expect(agents().split(" ")).toHaveLength(2);
      expect(fleet("agent logs one -o cat").stdout).toMatch(/^Started .*Mosaic agent one/m);
    } finally {
      logout();
    }
    machine.until("the user's manager is gone", "! systemctl -q is-active user@1000");
    machine.until("and every agent", "! pgrep -u ada -x sleep");
  });

  test("with lingering, switched on as doctor says, a logout leaves the fleet as it is", () => {
    // There is no polkit here to allow it to the user.
    const fixed = JSON.parse(fleet("doctor --fix login.linger --yes --only login -o json").stdout);
    expect(fixed.fixes).toMatchObject([{ command: "loginctl enable-linger", outcome: "failed" }]);
    expect(fixed.checks[0].fix.root).toEqual(["loginctl enable-linger ada"]);
    machine.login(`sudo ${fixed.checks[0].fix.root}`);
    expect(check("login.linger").status).toBe("pass");
    expect(units("start mosaic-agent@one mosaic-agent@two; systemctl --user is-active mosaic-agent@one")).toBe(
      "active\n",
    );
    const running = agents();
    expect(running.split(" ")).toHaveLength(2);
    machine.stayLoggedIn()();
    machine.until("nobody is logged in", `test -z "$(${LOGGED_IN})"`);
    machine.asRoot("sleep 3"); // longer than logind waits before it ends a user's manager
    expect(agents()).toBe(running);
  });

  test("a CI job of the user's, whose runner is a service of the system without a session, passes beside the fleet", () => {
    const running = agents();
    const settings = "find .config .local/state -type f | sort | xargs sha256sum";
    const before = machine.login(settings).stdout;
    // Not told where the user's manager is; and sudo would be root's.
    const job =
      machine.asRoot(`cd /tmp; runuser -u ada -- env -i HOME=/home/ada PATH=/usr/bin MOSAIC_DIR=/home/ada/job \
      MOSAIC_BASE_URL=/release/current MOSAIC_ARGS='--sandbox --only agent' sh /release/ci/all.sh`);
    expect([job.code, job.stdout]).toEqual([0, expect.stringContaining("holds: every promise that was tried is kept")]);
    expect(machine.asRoot("find /home/ada/job -user root").stdout).toBe("");
    machine.login("rm -r job");
    expect(machine.login(settings).stdout).toBe(before);
    expect(agents()).toBe(running);
  });

  test("a clean-up of /tmp, which takes what is old, leaves the fleet its socket", () => {
    const running = agents();
    machine.asRoot(`printf 'q /tmp 1777 root root 1s\n' >/run/clean.conf; touch /tmp/old; sleep 1.5
      systemd-tmpfiles --clean /run/clean.conf; rm /run/clean.conf`);
    expect(machine.asRoot("[ ! -e /tmp/old ]").code).toBe(0);
    expect(machine.login("tmux -L mosaic-factory ls").stdout).toMatch(/^one: .*\ntwo: .*\n$/);
    expect(check("tmux.socket").status).toBe("pass");
    expect(agents()).toBe(running);
  });

  test("a user manager that is executed anew, as after an upgrade of systemd, has its agents as before", () => {
    const running = agents();
    expect(units("daemon-reexec; systemctl --user is-active mosaic-agent@one mosaic-agent@two")).toBe(
      "active\nactive\n",
    );
    expect(agents()).toBe(running);
    const [killed, left = ""] = running.split(" ");
    machine.asRoot(`kill ${killed}`);
    machine.until("it is brought back", '[ "$(pgrep -u ada -x -c sleep)" = 2 ]');
    expect(agents().split(" ")).toContain(left);
  });

  test("one that is restarted, or ended with all of the user's, has the fleet back: at once, or at the next login", () => {
    const before = agents();
    machine.asRoot("systemctl restart user@1000");
    machine.until("both agents run", '[ "$(pgrep -u ada -x -c sleep)" = 2 ]');
    expect(agents()).not.toBe(before);
    machine.asRoot("loginctl terminate-user ada");
    machine.until("all is gone", "! pgrep -u ada");
    machine.login("true");
    machine.until("both agents run", '[ "$(pgrep -u ada -x -c sleep)" = 2 ]');
    machine.until("doctor has nothing to say against it", `${AS_USER} ${MOSAIC} doctor`);
  });

  test("with KillUserProcesses=yes a logout leaves it as it is too", () => {
    const running = agents();
    machine.asRoot(
      "printf '[Login]\\nKillUserProcesses=yes\\n' >/etc/systemd/logind.conf.d/kill.conf; systemctl restart systemd-logind",
    );
    machine.stayLoggedIn()();
    machine.asRoot("sleep 2; rm /etc/systemd/logind.conf.d/kill.conf; systemctl restart systemd-logind");
    expect(agents()).toBe(running);
  });

  test("after a reboot every agent is back, before anybody logs in", () => {
    const before = machine.asRoot("cat /proc/sys/kernel/random/boot_id; pgrep -u ada -x 'tmux: server'").stdout;
    machine.reboot();
    machine.until("both agents run", '[ "$(pgrep -u ada -x -c sleep)" = 2 ]');
    expect(machine.asRoot(LOGGED_IN).stdout).toBe("");
    expect(machine.asRoot("pgrep -u ada -x 'tmux: server'").stdout).not.toBe(before);
    machine.asRoot("busybox httpd -p 127.0.0.1:8080 -h /release");
    const { code, stdout } = fleet("doctor -o json");
    expect({ code, ok: JSON.parse(stdout).ok }).toEqual({ code: 0, ok: true });
  });

  const sshd = (pam: string) => `sed -i 's/^UsePAM .*/UsePAM ${pam}/' /etc/ssh/sshd_config && systemctl restart ssh`;
  // At once, as after a boot: else cron comes once a minute.
  const cron = `echo '@reboot ada ${doctor} >/var/tmp/cron.new 2>&1; mv /var/tmp/cron.new /var/tmp/cron' >/etc/cron.d/look
    rm -f /run/crond.reboot; systemctl restart cron; until [ -e /var/tmp/cron ]; do sleep 0.2; done; cat /var/tmp/cron; rm /var/tmp/cron`;
  for (const [way, script] of [
    ["sudo -u", `sudo -u ada ${doctor}`],
    ["su in a login of root's", `${ROOT_LOGIN} 'su ada -c "${doctor}"'`],
    ["su - in a login of root's", `${ROOT_LOGIN} 'su - ada -c "${doctor}"'`],
    ["a system service", `systemd-run --quiet --pipe --wait -p User=ada ${doctor}`],
    ["cron", cron],
    ["ssh without PAM", `${sshd("no")}; ${SSH} ada@127.0.0.1 ${doctor}; ${sshd("yes")}`],
  ] as const) {
    test(`${way}: what doctor says to type is what makes the manager reachable`, () => {
      const { checks } = JSON.parse(machine.asRoot(script).stdout) as { checks: Found[] };
      const failed = checks.filter(({ status }) => status === "fail");
      expect(failed.map(({ id }) => id)).toContain("systemd.runtime-folder");
      const commands = [...new Set(failed.flatMap(({ fix }) => fix.commands))];
      expect(commands).toEqual(["export XDG_RUNTIME_DIR=/run/user/1000"]);
      const mended = machine.asRoot(
        `env -i HOME=/home/ada PATH=/usr/bin:/bin setpriv --reuid ada --regid ada --init-groups sh -c '${commands[0]}; ${doctor}'`,
      );
      expect(JSON.parse(mended.stdout).ok).toBe(true);
    });
  }

  test("uninstall leaves what is the user's, and nothing else", () => {
    expect(fleet("uninstall --yes").code).toBe(0);
    expect(agents()).toBe("");
    const left = machine.asRoot(`${EVERYTHING} | comm -13 /root/before-install -`).stdout.split("\n").filter(Boolean);
    expect(left.filter((path) => !OWN.test(path))).toEqual([]);
    expect(units("list-unit-files --no-legend 'mosaic*'; ls /run/user/1000 | grep -i -e mosaic -e tmux")).toBe("");
    expect(machine.asRoot("pgrep -u ada -a | grep -i -e mosaic -e tmux").stdout).toBe("");
    machine.reboot();
    expect(machine.login("systemctl --user is-system-running --wait").stdout).toBe("running\n");
  });

  test("--linger is turned on, of logind itself, and off by uninstall if and only if install did it", () => {
    // By root, to whom it is allowed: there is no polkit here to ask.
    const root = (words: string) => machine.asRoot(`${ROOT_LOGIN} '${MOSAIC} ${words}'`).code;
    const lingers = () => machine.asRoot("[ -e /var/lib/systemd/linger/root ]").code === 0;
    for (const before of [false, true]) {
      const set = `loginctl ${before ? "enable" : "disable"}-linger root`; // from trixie on refused outside of a session
      expect(machine.asRoot(`${ROOT_LOGIN} '${set}'; mv /usr/bin/loginctl /root`).code).toBe(0);
      expect(lingers()).toBe(before);
      const seen = [root("install --linger"), lingers(), root("uninstall --yes"), lingers()];
      machine.asRoot("mv /root/loginctl /usr/bin");
      expect(seen).toEqual([0, true, 0, before]);
    }
    const anew = `${ROOT_LOGIN} 'loginctl disable-linger root && loginctl enable-linger root'`;
    const kept = [root("install --linger"), machine.asRoot(anew).code, root("uninstall --yes"), lingers()];
    expect(kept).toEqual([0, 0, 0, true]);
    machine.asRoot(`${ROOT_LOGIN} 'loginctl disable-linger root'`);
  });

  test("the package brings it to the machine, and is who replaces it", () => {
    machine.login("rm .local/bin/mosaic-fleet*");
    const installed = machine.asRoot("apt-get install -y -q /release/current/mosaic-fleet_*.deb");
    expect(installed).toMatchObject({ code: 0 });
    expect(machine.login("command -v mosaic-fleet").stdout).toBe("/usr/bin/mosaic-fleet\n");
    expect(fleet("install --now --yes").code).toBe(0);
    expect(JSON.parse(fleet("canary -o json").stdout)).toMatchObject({ verdict: "pass", sandbox: false });
    expect(check("layout.binary").status).toBe("pass");
    const updated = fleet("self-update --from /release/current");
    expect(updated).toMatchObject({ code: 73, stderr: expect.stringContaining("belongs to the package mosaic-fleet") });
  });

  test("a second user has a fleet by it, too: neither sees or disturbs the other's", () => {
    expect(fleet("agent start one two").code).toBe(0);
    const running = agents();
    machine.asRoot("useradd --create-home ben");
    machine.login("sudo loginctl enable-linger ben");
    machine.until("ben's manager is up", "systemctl -q is-active user@1001");
    const asBen = "cd /home/ben; runuser -u ben -- env HOME=/home/ben XDG_RUNTIME_DIR=/run/user/1001 mosaic-fleet";
    const ben = (words: string) => machine.asRoot(`${asBen} ${words}`);
    expect(ben("install --enable --now")).toMatchObject({ code: 0 });
    expect(ben("agent add one --command 'sleep infinity' --enable --start")).toMatchObject({ code: 0 });
    for (const [look, names] of [
      [ben, ["one"]],
      [fleet, ["one", "two"]],
    ] as const) {
      expect(JSON.parse(look("status -o json").stdout).agents.map(({ name }: { name: string }) => name)).toEqual(names);
      expect(JSON.parse(look("doctor -o json").stdout)).toMatchObject({ ok: true });
    }
    machine.asRoot("pkill -9 -u ben -x 'tmux: server'");
    machine.until("ben's agent is back", `${asBen} status`);
    expect(ben("uninstall --yes").code).toBe(0);
    expect(machine.asRoot("pgrep -u ben -x sleep").code).toBe(1);
    expect(agents()).toBe(running);
    expect(fleet("uninstall --yes").code).toBe(0);
    expect(machine.asRoot("apt-get remove -y -q mosaic-fleet").code).toBe(0);
    expect(machine.login("command -v mosaic-fleet").code).not.toBe(0);
  });
});
