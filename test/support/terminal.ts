import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Run, run } from "./build.ts";

/** What runs in a terminal of its own. */
export interface Typed {
  /** What is on the screen, with its colours; `whole`: also blanks at the ends of rows, which may have a colour. */
  screen(whole?: "whole"): string;
  press(...keys: string[]): void;
  resize(columns: number, rows: number): void;
  /** Waits for the end, and returns the screen. */
  done(): string;
}

/** Real terminals, each a window of a private tmux server. */
export interface Terminals {
  /** Runs a shell command; its exit code is the last line of the screen. */
  typed(command: string, columns?: number, rows?: number): Typed;
  close(): void;
}

export function openTerminals(env: Readonly<Record<string, string | undefined>>): Terminals {
  const folder = mkdtempSync(join(tmpdir(), "mosaic-fleet-terminal-"));
  const socket = join(folder, "socket");
  const tmux = (...words: string[]): Run =>
    run(["tmux", "-S", socket, "-f", "/dev/null", ...words], {
      env: { LC_ALL: "C.UTF-8", ...env },
      timeoutMs: 60_000,
    });
  let windows = 0;
  return {
    typed(command, columns = 100, rows = 90) {
      const name = `w${++windows}`;
      const line = `${command}; echo "exit $?"; tmux -S ${socket} wait-for -S ${name}; exec cat`;
      const size = ["-x", String(columns), "-y", String(rows)];
      const made = tmux("new-session", "-d", "-s", name, ...size, line);
      if (made.code !== 0) throw new Error(made.stderr);
      const screen = (whole?: "whole") =>
        tmux("capture-pane", "-p", "-e", ...(whole ? ["-N"] : []), "-t", `=${name}:`).stdout;
      return {
        screen,
        press: (...keys) => void tmux("send-keys", "-t", `=${name}:`, ...keys),
        resize: (...[width, height]) =>
          void tmux("resize-window", "-t", `=${name}:`, "-x", String(width), "-y", String(height)),
        done() {
          const waited = tmux("wait-for", name);
          if (waited.code !== 0) throw new Error(`it did not end:\n${screen()}`);
          return screen();
        },
      };
    },
    close() {
      tmux("kill-server");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
