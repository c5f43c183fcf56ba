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
  // A password in a URL, which may have an @ in it; and a key in the place of the user, as git takes it.
  [/:\/\/.*@/s, /(:\/\/[^/\s:@]*:)[^/\s@]+(?:@[^/\s@"',]*)*(?=@)/g],
  [/:\/\/.*@/s, /(:\/\/)(?=[\w-]*[0-9])(?=[\w-]*[A-Za-z])[\w-]{16,}(?=@)/g],
  [/Bearer|Basic/, /(\b(?:Bearer|Basic) )[A-Za-z0-9._~+/=-]{16,}/g],
  // The only one of several lines. A report's texts come in one, with a NUL in a line of its own between them.
  [
    /PRIVATE KEY/,
    /()-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[^\n]|\n(?!\0))*?(?:-----END [A-Z ]*PRIVATE KEY-----|(?=\n\0)|$)/g,
  ],
  // An option with a secret behind it: --api-key abc, --token=abc; not --token-file, not $VARIABLE.
  [
    /-(?:[a-z]{1,20}[-_]){0,5}(?:api[-_]?key|token|secret|pass|auth)/i,
    /((?:^|\s)--?(?:[a-z]{1,20}[-_]){0,5}(?:api[-_]?key|token|secret|password|passwd|passphrase|auth)(?:[ \t]+|=)["']?)[^\s"'$/~.-][^\s"']{5,}/gi,
  ],
];

/**
 * What is given a value, as shells and JSON write it: API_KEY=, "apiKey": "; and the value, which is no $VARIABLE. The
 * name is bounded, so that a long text takes no time.
 */
const NAMED = /(?<![\w$])([A-Za-z_][\w-]{0,80})(?:\\?"\s*:\s*\\?"|=(?:'\\''|\\?"|'|))/g;
const VALUE = /(?!\$[A-Za-z_{(]|\[redacted\])(?:(?<=")[^"\n]{6,}|(?<=')[^'\n]{6,}|(?<==)[^\s"']{6,})/y;

/** What tmux is told of a variable: set-environment -g API_KEY abc. */
const TMUX_VARIABLE =
  /(\b(?:set-environment|setenv)(?:[ \t]+-\w+)*[ \t]+([A-Za-z_]\w{0,80})[ \t]+)(?!\[redacted\])\S.*/g;

/** A shorter value is too likely to be a part of something harmless. */
const SHORTEST_SECRET = 6;
/** A line of a secret of several lines is shown alone, too; short ones are no secret. */
const SHORTEST_LINE = 12;
/** What stands where a secret was. */
export const HIDDEN = "[redacted]";

/** A key, and not a word that somebody took for a password: hidden even within something longer. */
function isKeyLike(secret: string): boolean {
  if (secret.length >= 16) return true;
  return secret.length >= 8 && (/[^A-Za-z_.-]/.test(secret) || (/[a-z]/.test(secret) && /[A-Z]/.test(secret)));
}

/** What stands in our own texts and commands: to hide it there would spoil them, and tell what the password is. */
const OUR_WORDS = new Set(
  [
    "mosaic mosaic-fleet mosaic-agent mosaic-factory mosaic-tmux-holder fleet claude opencode gemini doctor canary",
    "machine systemd systemctl loginctl service holder agents orphans limits layout server session socket command",
    "enable disable restart daemon-reload reset-failed enable-linger export install update apt-get docker",
  ].flatMap((line) => line.split(" ")),
);

/** openAiKey is OPEN_AI_KEY, and api-key is API_KEY. */
export function isSecretName(name: string): boolean {
  const words = name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").replaceAll("-", "_");
  return SECRET_NAME.test(words) && !NO_SECRET_NAME.test(words);
}

/** Whether a text may give a secret its name, as units do: one that systemd has yet to unescape may be any. */
export function namesSecret(text: string): boolean {
  return text.includes("\\") || [...text.matchAll(/([A-Za-z_]\w*)=/g)].some(([, name = ""]) => isSecretName(name));
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
  const known = SECRET_SHAPES.reduce(
    (left, [hint, shape]) => (hint.test(left) ? left.replace(shape, `$1${HIDDEN}`) : left),
    text,
  );
  return hideNamed(
    known.replace(TMUX_VARIABLE, (line, start: string, name: string) => (isSecretName(name) ? start + HIDDEN : line)),
  );
}

/** The value of one that is no secret may hold another: Environment="API_KEY=abcdef". */
function hideNamed(text: string): string {
  let shown = "";
  let from = 0;
  for (const { 0: start, 1: name = "", index } of text.matchAll(NAMED)) {
    VALUE.lastIndex = index + start.length;
    if (index < from || !isSecretName(name) || !VALUE.test(text)) continue;
    shown += text.slice(from, index + start.length) + HIDDEN;
    from = VALUE.lastIndex;
  }
  return shown + text.slice(from);
}

/** Hides known secrets, what looks like one, and the home folder (as ~) in whatever is shown to people. */
export interface Redactor {
  /** Learns the values of secret variables. */
  learn(variables: Readonly<Record<string, string | undefined>>): void;
  redact(text: string): string;
}

interface Hidden {
  readonly secret: string;
  readonly what: string | RegExp;
}

/** The word where it stands alone: not a part of a path, or of a unit's name. */
function aloneIn(secret: string): RegExp {
  return new RegExp(`(?<![\\w@/.~+-])${escaped(secret)}(?![\\w/+-]|\\.\\w)`, "g");
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

export function redactorFor(home: string): Redactor {
  const secrets = new Set<string>();
  /** The longest first: one may be a part of another. */
  let sorted: readonly Hidden[] | undefined;
  const quoted = escaped(home);
  // In quotes a shell would not expand it: '/home/x/a b' becomes ~/'a b'.
  const inQuotes = new RegExp(`(\\$?')${quoted}/`, "g");
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
      sorted ??= [...secrets]
        .filter((secret) => !OUR_WORDS.has(secret))
        .sort((a, b) => b.length - a.length)
        .map((secret) => ({ secret, what: isKeyLike(secret) ? secret : aloneIn(secret) }));
      let shown = text;
      for (const { secret, what } of sorted) if (shown.includes(secret)) shown = shown.replaceAll(what, HIDDEN);
      shown = hideShapes(shown);
      return home.length > 1 && shown.includes(home) ? shown.replace(inQuotes, "~/$1").replace(alone, "~") : shown;
    },
  };
}
