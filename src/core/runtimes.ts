/** Agent programs that are known by name: install looks for them, doctor knows one when it sees it run. */
export const RUNTIMES = ["claude", "codex", "opencode", "gemini", "aider", "goose", "crush", "amp"] as const;

/** What starts a runtime, where it is installed: `mosaic claude`. */
export const LAUNCHER = "mosaic";
