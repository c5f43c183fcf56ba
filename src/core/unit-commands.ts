/** A command of a unit as the manager tells it. */
interface Command {
  /** With its arguments, one blank between them. */
  readonly argv: string;
  /** Its failure does not count: the "-" before it. */
  readonly ignored: boolean;
}

/** As D-Bus has them: path, arguments, whether failure is ignored, four times, pid, code, status. */
const ON_BUS = /(.*?) (yes|no)(?: (?:-?\d+|infinity)){7}(?: |$)/g;
/** As systemctl show prints them. */
const AS_SHOWN = /\{ path=.*? ; argv\[\]=(.*?) ; (?:ignore_errors=(yes|no)|flags=(\S*)) ; .*?\}/g;

/** The commands of a setting such as ExecStart=, out of either form. */
export function commandsOf(value: string): Command[] {
  if (value.startsWith("{ "))
    return [...value.matchAll(AS_SHOWN)].map(([, argv = "", ignored, flags = ""]) => ({
      argv,
      ignored: ignored === "yes" || flags.includes("ignore-failure"),
    }));
  return [...value.matchAll(ON_BUS)].map(([, command = "", ignored]) => ({
    argv: withoutPath(command),
    ignored: ignored === "yes",
  }));
}

/** The path of the program stands before its arguments, of which the first is mostly the same. */
function withoutPath(command: string): string {
  for (let blank = command.indexOf(" "); blank > 0; blank = command.indexOf(" ", blank + 1)) {
    const path = command.slice(0, blank);
    const argv = command.slice(blank + 1);
    if (argv === path || argv.startsWith(`${path} `)) return argv;
  }
  return command.slice(command.indexOf(" ") + 1);
}

/** The script of ours that a command runs, by its whole path; there may be blanks in it, so each that it could be. */
export function scriptsIn(argv: string): string[] {
  const end = /\/mosaic\/tools\/fleet\/[a-z-]+\.sh(?= |$)/.exec(argv);
  if (end === null) return [];
  const upTo = argv.slice(0, end.index + end[0].length);
  return [...upTo.matchAll(/(?:^| )(?=\/)/g)].map(({ index, 0: blank }) => upTo.slice(index + blank.length));
}
