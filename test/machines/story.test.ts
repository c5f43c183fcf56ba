import { beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { tree } from "../support/build.ts";
import { releaseNow } from "../support/machine-releases.ts";
import { type Found, story } from "../support/machine-story.ts";

// A fleet's life on a whole machine with logind, real logins and reboots, as an ordinary user types it. The tests of a
// suite are one story, in order.

const { version } = await Bun.file(join(tree, "package.json")).json();
const share = (folder: string) => releaseNow(join(folder, "current"));

const PATH = 'PATH=$HOME/.local/bin:"$PATH"';
const SSH = "ssh -o StrictHostKeyChecking=no -o LogLevel=ERROR ada@127.0.0.1";
const doctor = "/home/ada/.local/bin/mosaic-fleet doctor -o json --only systemd";
/** Lists people's sessions: from systemd 256 on a user's manager is one too. */
const LOGGED_IN = "loginctl list-sessions --no-legend | grep -Ev ' (manager|closing) '";
const server = "http://127.0.0.1:8080";

story("a machine with Debian %s", "container", { share }, ({ machine, fleet, check }) => {
  const units = (words: string) => machine.login(`systemctl --user ${words}`).stdout;
  /** The agents' processes, one name a line; as root sees them, whoever is logged in. */
  const agents = () => machine.asRoot("pgrep -u ada -x sleep -d ' '").stdout.trim();

  beforeAll(() => {
    machine.asRoot("busybox httpd -p 127.0.0.1:8080 -h /release");
  });

  test("install.sh puts the release there, from a server, and looks at the machine", () => {
    const script = `curl -fsS ${server}/current/install.sh >install.sh && sh install.sh --base-url ${server}/current`;
    const { code, stdout } = machine.login(script);
    expect(stdout).toContain("SHA-256 good");
    expect(stdout).toContain("Nothing is broken.");
    expect(code).toBe(0);
    expect(fleet("--version").stdout).toBe(`${version}\n`);
  });

  test("it is laid out, and the canary proves it on the machine's own manager", () => {
    machine.login("find . -path ./.local/bin -prune -o -print | sort >/var/tmp/before-install");
    expect(fleet("install --enable --now").code).toBe(0);
    const { stdout } = fleet("canary -o json");
    expect(JSON.parse(stdout)).toMatchObject({ verdict: "pass", sandbox: false });
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
    expect(machine.login(follow).stdout).toMatch(/^(?:on\n)+$/);
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
    rm -f /run/crond.reboot; systemctl restart cron; until [ -e /var/tmp/cron ]; do sleep 0.2; done; cat /var/tmp/cron`;
  for (const [way, script] of [
    ["sudo -u", `sudo -u ada ${doctor}`],
    ["su without a session", `su ada -s /bin/sh -c 'unset XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS; ${doctor}'`],
    ["a system service", `systemd-run --quiet --pipe --wait -p User=ada ${doctor}`],
    ["cron", cron],
    ["ssh without PAM", `${sshd("no")}; ${SSH} ${doctor}; ${sshd("yes")}`],
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
    const left = machine
      .login("find . -path ./.local/bin -prune -o -print | sort | comm -13 /var/tmp/before-install -")
      .stdout.trim()
      .split("\n")
      .filter(Boolean);
    const own =
      /^\.\/(work|\.config|\.config\/mosaic|\.config\/systemd(\/user(\/default\.target\.wants(\/mosaic-agent@(one|two)\.service)?)?)?|\.config\/mosaic\/fleet(\/agents(\/(one|two)\.env)?)?|\.local\/share.*)$/;
    expect(left.filter((path) => !own.test(path))).toEqual([]);
  });

  test("the package brings it to all users, who have a fleet of their own by it, and it is the package's to replace", () => {
    machine.login("rm .local/bin/mosaic-fleet*");
    const installed = machine.asRoot("apt-get install -y -q /release/current/mosaic-fleet_*.deb");
    expect(installed).toMatchObject({ code: 0 });
    expect(machine.login("command -v mosaic-fleet").stdout).toBe("/usr/bin/mosaic-fleet\n");
    expect(fleet("install --now --yes").code).toBe(0);
    expect(JSON.parse(fleet("canary -o json").stdout)).toMatchObject({ verdict: "pass", sandbox: false });
    expect(check("layout.binary").status).toBe("pass");
    const updated = fleet("self-update --from /release/current");
    expect(updated).toMatchObject({ code: 73, stderr: expect.stringContaining("belongs to the package mosaic-fleet") });
    expect(fleet("uninstall --yes").code).toBe(0);
    expect(machine.asRoot("apt-get remove -y -q mosaic-fleet").code).toBe(0);
    expect(machine.login("command -v mosaic-fleet").code).not.toBe(0);
  });
});
