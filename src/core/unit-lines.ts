/** A line of a unit's file as systemd takes it. */
export interface Line {
  /** Where it starts, counted from 1. */
  readonly line: number;
  /** Without the blanks around it; those that it runs on into are in it. */
  readonly said: string;
  /** It ran on into others. */
  readonly continued: boolean;
}

/** A backslash at the end is a blank, and the next line that is no comment belongs to it; a comment never runs on. */
export function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  let open: Line | undefined;
  for (const [index, physical] of text.split("\n").entries()) {
    const stripped = physical.trim();
    if (/^[#;]/.test(stripped)) continue;
    const runsOn = stripped.endsWith("\\");
    const said = runsOn ? stripped.slice(0, -1) : stripped;
    const line: Line =
      open === undefined
        ? { line: index + 1, said, continued: runsOn }
        : { line: open.line, said: `${open.said} ${said}`, continued: true };
    open = runsOn ? line : undefined;
    if (open === undefined) lines.push(line);
  }
  return open === undefined ? lines : [...lines, open];
}

/** Where a unit's file last sets something. undefined where it does not. */
export function settingIn(text: string, directive: string): Line | undefined {
  const pattern = new RegExp(`^${directive}[ \\t]*=`);
  const found = linesOf(text).filter(({ said }) => pattern.test(said));
  const last = found.at(-1);
  // Where one of them runs on, no line can be taken out alone.
  return last && { ...last, continued: found.some(({ continued }) => continued) };
}
