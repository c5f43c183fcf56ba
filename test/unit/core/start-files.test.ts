import { describe, expect, test } from "bun:test";
import { pathAdditions } from "../../../src/core/start-files.ts";

const home = "/home/x";
const additions = (...lines: string[]) => pathAdditions(lines.join("\n"), home);

describe("what a start file adds to PATH", () => {
  test.each([
    ['export PATH="$HOME/bin:$PATH"', ["/home/x/bin"]],
    ["PATH=$PATH:~/a:/b/", ["/home/x/a", "/b"]],
    [`export PATH=\${HOME}/a:\${PATH}`, ["/home/x/a"]],
    ['    PATH="$HOME/.local/bin:$PATH"', ["/home/x/.local/bin"]],
    ['[ -d ~/bin ] && PATH="$HOME/bin:$PATH"', ["/home/x/bin"]],
    ['if [ -d "$HOME/bin" ] ; then PATH="$HOME/bin:$PATH"; fi', ["/home/x/bin"]],
    ["PATH+=:/opt/a/bin", ["/opt/a/bin"]],
    [`PATH="/opt/a/bin\${PATH:+:\${PATH}}"`, ["/opt/a/bin"]],
    ["typeset -x PATH=/a/b:$PATH", ["/a/b"]],
    ["path=(~/z /usr/z $path)", ["/home/x/z", "/usr/z"]],
    ["path+=($HOME/z)", ["/home/x/z"]],
    ["fish_add_path ~/f /g", ["/home/x/f", "/g"]],
    ["fish_add_path -gP ~/f", ["/home/x/f"]],
    ["set -gx PATH ~/f $PATH", ["/home/x/f"]],
    ["set -U fish_user_paths $HOME/f $fish_user_paths", ["/home/x/f"]],
    ["pathmunge /p after", ["/p"]],
    ['PATH="/usr/bin:/bin"', ["/usr/bin", "/bin"]],
    ["export PATH=/a # PATH=/b", ["/a"]],
  ] as const)("%s", (line, folders) => {
    expect(additions(line)).toEqual([...folders]);
  });

  test("variables that were set in plain words before", () => {
    expect(
      additions(
        'export PNPM_HOME="$HOME/.local/share/pnpm"',
        'case ":$PATH:" in',
        '  *":$PNPM_HOME:"*) ;;',
        '  *) export PATH="$PNPM_HOME:$PATH" ;;',
        "esac",
        "export BUN_INSTALL=~/.bun",
        "export PATH=$BUN_INSTALL/bin:$PATH",
        "set -gx DENO ~/.deno",
        "set -gx PATH $DENO/bin $PATH",
      ),
    ).toEqual(["/home/x/.local/share/pnpm", "/home/x/.bun/bin", "/home/x/.deno/bin"]);
  });

  test("a line that goes on in the next", () => {
    expect(additions("export PATH=/a:\\", "/b:$PATH")).toEqual(["/a", "/b"]);
  });

  test("each folder once, in order", () => {
    expect(additions("PATH=/a:$PATH", "PATH=/b:/a:$PATH")).toEqual(["/a", "/b"]);
  });

  test.each([
    "# export PATH=/a",
    "export PATH=$(brew --prefix)/bin:$PATH",
    "PATH=`x`:$PATH",
    "PATH=$UNKNOWN/bin:$PATH",
    "MANPATH=/a:$MANPATH",
    "echo PATH",
    "PATH=relative:$PATH",
    'eval "$(mise activate bash)"',
  ])("nothing of %s", (line) => {
    expect(additions(line)).toEqual([]);
  });

  test("a variable that is set anew to what cannot be read is not known any more", () => {
    expect(additions("X=/a", "X=$(pwd)", "PATH=$X:$PATH")).toEqual([]);
  });
});
