import { describe, expect, test } from "bun:test";
import { isSecretName, looksSecret, namesSecret, redactorFor, secretInArguments } from "../../../src/core/redact.ts";
import { redacted } from "../../../src/core/redacted.ts";

// Put together here, so that nobody's scanner takes this file for a leak.
const made = (prefix: string, length: number) => prefix + "a1B2c3D4e5F6g7H8".repeat(4).slice(0, length);

test("a variable that tmux is told is hidden by its name, to the end of its line", () => {
  const { redact } = redactorFor("");
  for (const told of ["set-environment -g API_KEY", "setenv -gh API_KEY", "  set-environment API_KEY"])
    expect(redact(`${told} "a b c"\nset -g mouse on\n`)).toBe(`${told} [redacted]\nset -g mouse on\n`);
  for (const plain of ["set-environment -g EDITOR vim", "set-environment -gu API_KEY"])
    expect(redact(plain)).toBe(plain);
});

test("a unit's text may give a secret its name, or has yet to be unescaped", () => {
  for (const text of [
    "Environment=DEPLOY_TOKEN=x",
    'Environment="A=1" "API_KEY=x"',
    "[Service]\nEnvironment=%i_KEY=x\n",
  ])
    expect(namesSecret(text)).toBe(true);
  expect(namesSecret('Environment="API\\x5fKEY=x"')).toBe(true);
  expect(namesSecret('[Service]\n# DEPLOY_TOKEN is not set here\nEnvironment="COMMAND=sleep 1"\n')).toBe(false);
});

describe("names of secrets", () => {
  test.each([
    "ANTHROPIC_API_KEY",
    "OPENAI_APIKEY",
    "GITHUB_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "PGPASSWORD",
    "DB_PASSWD",
    "MYSQL_PWD",
    "SMTP_PASS",
    "GIT_ASKPASS_PASSPHRASE",
    "github_pat",
    "CLIENT_SECRET",
    "openAiKey",
    "githubToken",
    "api-key",
  ])("%s is one", (name) => {
    expect(isSecretName(name)).toBe(true);
  });

  test.each([
    "PATH",
    "MOSAIC_PATH",
    "SSH_AUTH_SOCK",
    "XAUTHORITY",
    "PWD",
    "OLDPWD",
    "KEYBOARD",
    "GPG_KEY_ID",
    "API_KEY_FILE",
    "TOKEN_URL",
    "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
    "MOSAIC_AGENT_COMMAND",
    "AUTHOR",
    "COMPASS",
    "sshAuthSock",
    "gpgKeyId",
    "hotkey",
  ])("%s is none", (name) => {
    expect(isSecretName(name)).toBe(false);
  });
});

describe("what looks like a key", () => {
  test.each([
    ["by its name", "MY_API_KEY", "anything"],
    ["by its shape", "WHATEVER", made("sk-ant-api03-", 30)],
    ["by its shape", "WHATEVER", made("ghp_", 36)],
    ["by its shape", "WHATEVER", made("xoxb-", 30)],
    ["in a URL", "DATABASE_URL", "postgres://me:hunter22@db.example/x"],
    ["in a header", "HEADERS", `Authorization: Bearer ${made("", 20)}`],
    ["in PEM", "CERTIFICATE", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"],
  ])("%s: %s", (_, name, value) => {
    expect(looksSecret(name, value)).toBe(true);
  });

  test.each([
    ["MY_API_KEY", ""],
    ["MY_API_KEY", "none"],
    ["MOSAIC_AGENT_WORKDIR", "~/work/sk-project"],
    ["MOSAIC_AGENT_MODEL", "claude-opus-4-5"],
    ["MOSAIC_AGENT_COMMAND", "claude --continue --max-tokens 200000"],
    ["URL", "https://example.org/a:b@c"],
    ["PACKAGE", "npm_and_some_words_behind"],
  ])("%s=%s does not", (name, value) => {
    expect(looksSecret(name, value)).toBe(false);
  });
});

describe("a key among arguments", () => {
  test.each([
    "claude --api-key abcdef123456",
    "claude --api-key=abcdef123456",
    "claude --token 'abcdef123456'",
    "curl -H 'Authorization: Bearer abcdef1234567890'",
    `claude ${made("sk-ant-", 24)}`,
    "x --db-password hunter22",
    "API_KEY=abcdef123456 claude",
    "sh -c 'openAiKey=abcdef exec claude'",
    "curl https://example.org/?token=abcdef123456",
  ])("%s", (text) => {
    expect(secretInArguments(text)).toBe(true);
  });

  test.each([
    "claude --api-key $KEY",
    'claude --api-key "$KEY"',
    "claude --token-file /run/token",
    "claude --token ~/token",
    "claude --max-tokens 200000",
    "ssh --key /home/x/id_rsa",
    "claude --author somebody",
    "API_KEY=$KEY claude",
    'API_KEY="$(cat key)" claude',
    "TOKEN_URL=https://example.org claude",
    "MODE=abcdef123456 claude",
  ])("none in %s", (text) => {
    expect(secretInArguments(text)).toBe(false);
  });
});

describe("what is shown", () => {
  test("learnt secrets are hidden wherever they stand, the longest first", () => {
    const { learn, redact } = redactorFor("/home/x");
    learn({ A_TOKEN: "abcdef12", B_TOKEN: "abcdef12345", OTHER: "untouched" });
    expect(redact("abcdef12345 abcdef12 xabcdef12x untouched")).toBe("[redacted] [redacted] x[redacted]x untouched");
  });

  test.each(["swordfish", "hunter2"])(
    "a word taken for a password (%s) is hidden only where it stands alone",
    (word) => {
      const { learn, redact } = redactorFor("/home/x");
      learn({ POSTGRES_PASSWORD: word });
      expect(redact(`it is ${word}. 'x:${word}' a=${word}`)).toBe("it is [redacted]. 'x:[redacted]' a=[redacted]");
      for (const name of [
        `${word}-agent@beta`,
        `mosaic-agent@${word}.service`,
        `/srv/${word}/x`,
        `${word}s`,
        `${word}.env`,
      ])
        expect(redact(name)).toBe(name);
    },
  );

  test("a word of our own commands is not hidden, which would tell that it is the password", () => {
    const { learn, redact } = redactorFor("/home/x");
    learn({ POSTGRES_PASSWORD: "mosaic", MY_TOKEN: "enable" });
    expect(redact("systemctl --user enable mosaic-agent@beta; mosaic claude")).toBe(
      "systemctl --user enable mosaic-agent@beta; mosaic claude",
    );
    expect(redact("POSTGRES_PASSWORD=mosaic")).toBe("POSTGRES_PASSWORD=[redacted]");
  });

  test.each([
    ["ExecStart=/bin/sh -c 'API_KEY=HUSHabcdef exec x'", "ExecStart=/bin/sh -c 'API_KEY=[redacted] exec x'"],
    ['Environment="API_KEY=abcdef" "B_TOKEN=ghijkl"', 'Environment="API_KEY=[redacted]" "B_TOKEN=[redacted]"'],
    ["--env=API_KEY=abcdef MODE=a=B_TOKEN=ghijkl", "--env=API_KEY=[redacted] MODE=a=B_TOKEN=[redacted]"],
    ["A_TOKEN=abc,B_TOKEN=ghijkl C_KEY=$KEY", "A_TOKEN=[redacted] C_KEY=$KEY"],
    [`API_KEY="two words" x`, `API_KEY="[redacted]" x`],
    ["sh -c 'API_KEY='\\''two words'\\'' x'", "sh -c 'API_KEY='\\''[redacted]'\\'' x'"],
    [`{"openAiKey": "abc def", "b": 1}`, `{"openAiKey": "[redacted]", "b": 1}`],
    ["MY_PASSWORD: is not set anywhere", "MY_PASSWORD: is not set anywhere"],
  ])("what a secret's name is given: %s", (text, shown) => {
    expect(redactorFor("/home/x").redact(text)).toBe(shown);
  });

  test.each([
    ["https://me:hunter@22@git.example/x", "https://me:[redacted]@git.example/x"],
    [`https://${made("", 20)}@git.example/x`, "https://[redacted]@git.example/x"],
    ["ssh://git@git.example/x", "ssh://git@git.example/x"],
    ["https://some-body-of-that-name@git.example/x", "https://some-body-of-that-name@git.example/x"],
    ['["https://a:hunter22@b","c@d"]', '["https://a:[redacted]@b","c@d"]'],
  ])("in a URL: %s", (text, shown) => {
    expect(redactorFor("/home/x").redact(text)).toBe(shown);
  });

  test("a very long text takes no time", () => {
    const began = performance.now();
    redactorFor("/home/x").redact(
      `${"a-".repeat(100_000)}${"key".repeat(100_000)}${'="'.repeat(50_000)}${"a=".repeat(100_000)}://${"a:@".repeat(100_000)}`,
    );
    expect(performance.now() - began).toBeLessThan(500);
  });

  test("and those that are learnt after the first look", () => {
    const { learn, redact } = redactorFor("/home/x");
    learn({ A_TOKEN: "first-one" });
    expect(redact("first-one second-one")).toBe("[redacted] second-one");
    learn({ B_TOKEN: "second-one" });
    expect(redact("first-one second-one")).toBe("[redacted] [redacted]");
  });

  test("as a shell and as JSON would write them", () => {
    const { learn, redact } = redactorFor("/home/x");
    learn({ A_PASSWORD: `it's "so"` });
    expect(redact(`it'\\''s "so"`)).toBe("[redacted]");
    expect(redact(JSON.stringify(`it's "so"`))).toBe('"[redacted]"');
  });

  test("each line of a secret of several", () => {
    const { learn, redact } = redactorFor("/home/x");
    learn({ DEPLOY_KEY: "-----BEGIN-----\nMIIEowIBAAKCAQEA\n-----END-----" });
    expect(redact("line 2 is MIIEowIBAAKCAQEA")).toBe("line 2 is [redacted]");
  });

  test("a private key that is cut off takes no other text of the report with it", () => {
    const key = "-----BEGIN PRIVATE KEY-----\nMIIE";
    expect(
      redacted(redactorFor("/home/x").redact, ["before", `a ${key}`, "after", `${key}\n-----END PRIVATE KEY-----`]),
    ).toEqual(["before", "a [redacted]", "after", "[redacted]"]);
    expect(redacted(redactorFor("/home/x").redact, ["--token", "not-a-secret"])).toEqual(["--token", "not-a-secret"]);
  });

  test("what is too short, or has a harmless name, stays", () => {
    const { learn, redact } = redactorFor("/home/x");
    learn({ A_KEY: "short", SSH_AUTH_SOCK: "/run/user/1000/agent", MODE: "shown-as-is", NOTHING_KEY: undefined });
    expect(redact("short /run/user/1000/agent shown-as-is")).toBe("short /run/user/1000/agent shown-as-is");
  });

  test("the home folder is ~, in paths, lists and quotes, not in longer names", () => {
    const { redact } = redactorFor("/home/x");
    expect(
      redact("/home/x /home/x/a /bin:/home/x/b '/home/x/a b' $'/home/x/a\\tb' /home/xy /old/home/x /home/x.old"),
    ).toBe("~ ~/a /bin:~/b ~/'a b' ~/$'a\\tb' /home/xy /old/home/x /home/x.old");
  });

  test("a home folder of / is not every slash", () => {
    expect(redactorFor("/").redact("/usr/bin")).toBe("/usr/bin");
  });
});
