/** Names of variables whose values nobody else should see. */
const SECRET_NAME =
  /(^|_)(API_?KEYS?|KEY|TOKEN|AUTH|PAT|PASS|CREDENTIALS?)(_|$)|APIKEY|SECRET|PASSW(OR)?D|PASSPHRASE|_PWD$/i;
/** What a name ends with that has a place, a name or a number of such a thing, not the thing: SSH_AUTH_SOCK. */
const NO_SECRET_NAME =
  /_(FILE|PATH|DIR|FOLDER|SOCK|SOCKET|ID|NAME|USER|URL|HOST|PORT|TYPE|MODE|METHOD|ALGORITHM|TTL|LIMIT|LENGTH|SIZE|COUNT|EXPIRY|EXPIRES)$/i;

/** Secrets by their looks: what has to be in a text with one, and how to find it. The first group stays. */
const SECRET_SHAPES: readonly (readonly [hint: RegExp, shape: RegExp])[] = [
  // Keys of the common services.
  [/[spr]k[-_]/, /(\b)(?:sk|pk|rk)[-_](?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{16,}/g],
  [
    /gh[pousr]_|glpat|xox|xapp|_pat_|npm_|hf_|gsk_|dop_|whsec/,
    /(\b)(?:ghp|gho|ghu|ghs|ghr|glpat|xox[abeprs]|xapp|github_pat|npm|hf|gsk|dop_v1|whsec)[-_](?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{16,}/g,
  ],
  [/A[KS]IA/, /(\b)(?:AKIA|ASIA)[A-Z0-9]{16}\b/g],
  [/AIza/, /(\b)AIza[A-Za-z0-9_-]{30,}/g],
  [/eyJ/, /(\b)eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*/g],
  // A password in a URL.
  [/:\/\/.*@/s, /(:\/\/[^/\s:@]*:)[^/\s@]+(?=@)/g],
  [/Bearer|Basic/, /(\b(?:Bearer|Basic) )[A-Za-z0-9._~+/=-]{16,}/g],
  // The only one of several lines. A report's texts come in one, with a NUL in a line of its own between them.
  [
    /PRIVATE KEY/,
    /()-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[^\n]|\n(?!\0))*?(?:-----END [A-Z ]*PRIVATE KEY-----|(?=\n\0)|$)/g,
  ],
  // An option with a secret behind it: --api-key abc, --token=abc; not --token-file, not $VARIABLE.
  [
    /-(?:[a-z]+[-_])*(?:api[-_]?key|token|secret|pass|auth)/i,
    /((?:^|\s)--?(?:[a-z]+[-_])*(?:api[-_]?key|token|secret|password|passwd|passphrase|auth)(?:[ \t]+|=)["']?)[^\s"'$/~.-][^\s"']{5,}/gi,
  ],
];

/** A shorter value is too likely to be a part of something harmless. */
const SHORTEST_SECRET = 6;
/** A line of a secret of several lines is shown alone, too; short ones are no secret. */
const SHORTEST_LINE = 12;
const HIDDEN = "[redacted]";

export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name) && !NO_SECRET_NAME.test(name);
}

/** Whether an assignment holds something that looks like a key: by its name, or by its value. */
export function looksSecret(name: string, value: string): boolean {
  return (isSecretName(name) && value.length >= SHORTEST_SECRET) || hideShapes(value) !== value;
}

/** Whether what a command is told holds a secret: its arguments are there for everybody to see. */
export function secretInArguments(text: string): boolean {
  return hideShapes(text) !== text;
}

function hideShapes(text: string): string {
  return SECRET_SHAPES.reduce(
    (left, [hint, shape]) => (hint.test(left) ? left.replace(shape, `$1${HIDDEN}`) : left),
    text,
  );
}

/** Hides known secrets, what looks like one, and the home folder (as ~) in whatever is shown to people. */
export interface Redactor {
  /** Learns the values of secret variables. */
  learn(variables: Readonly<Record<string, string | undefined>>): void;
  redact(text: string): string;
}

export function redactorFor(home: string): Redactor {
  const secrets = new Set<string>();
  /** The longest first: one may be a part of another. */
  let sorted: readonly string[] | undefined;
  const quoted = home.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  // In quotes a shell would not expand it: '/home/x/a b' becomes ~/'a b'.
  const inQuotes = new RegExp(`'${quoted}/`, "g");
  const alone = new RegExp(`(?<![\\w./-])${quoted}(?=$|[^\\w.-])`, "g");
  const add = (secret: string) => {
    // As it stands, and as shells and JSON write it.
    for (const form of [secret, secret.replaceAll("'", "'\\''"), JSON.stringify(secret).slice(1, -1)])
      secrets.add(form);
    sorted = undefined;
  };
  return {
    learn(variables) {
      for (const [name, value] of Object.entries(variables)) {
        if (value === undefined || value.length < SHORTEST_SECRET || !isSecretName(name) || secrets.has(value))
          continue;
        add(value);
        if (value.includes("\n")) for (const line of value.split(/\r?\n/)) if (line.length >= SHORTEST_LINE) add(line);
      }
    },
    redact(text) {
      sorted ??= [...secrets].sort((a, b) => b.length - a.length);
      let shown = text;
      for (const secret of sorted) if (shown.includes(secret)) shown = shown.replaceAll(secret, HIDDEN);
      shown = hideShapes(shown);
      return home.length > 1 && shown.includes(home) ? shown.replace(inQuotes, "~/'").replace(alone, "~") : shown;
    },
  };
}
