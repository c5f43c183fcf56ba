import { hasInvisible } from "./visible.ts";

/** A word as it is typed into a shell: quoted only where it has to be, what cannot be seen as bash and zsh spell it. */
export function shellWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  return hasInvisible(word) ? `$'${spelled(word)}'` : `'${word.replaceAll("'", "'\\''")}'`;
}

/** By its bytes: \u would depend on the shell's locale. */
function spelled(word: string): string {
  const each = [...word].map((character) => {
    if (character === "'" || character === "\\") return `\\${character}`;
    return hasInvisible(character) ? [...Buffer.from(character)].map(octal).join("") : character;
  });
  return each.join("");
}

/** Three digits, whatever follows. */
function octal(byte: number): string {
  return `\\${byte.toString(8).padStart(3, "0")}`;
}

/** The command that moves what is in the way aside. */
export function moveAside(path: string, suffix: string): string {
  return `mv ${shellWord(path)} ${shellWord(`${path}.${suffix}`)}`;
}

/** A path as it is typed into a shell: ~ for the home folder, quoted only where it has to be. */
export function shellPath(path: string, home: string): string {
  if (path === home) return "~";
  return path.startsWith(`${home}/`) ? `~/${shellWord(path.slice(home.length + 1))}` : shellWord(path);
}

/** Commands once each, where they first stand; but what reads files anew stands behind the last that changes one. */
export function onceEach(commands: readonly string[]): string[] {
  const placeOf = (command: string) =>
    command.endsWith(" daemon-reload") ? commands.lastIndexOf(command) : commands.indexOf(command);
  return commands.filter((command, index) => placeOf(command) === index);
}
