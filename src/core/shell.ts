/** A word as it is typed into a shell: quoted only where it has to be. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
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
