/** A word as it is typed into a shell: quoted only where it has to be. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The command that moves what is in the way aside. */
export function moveAside(path: string, suffix: string): string {
  return `mv ${shellWord(path)} ${shellWord(`${path}.${suffix}`)}`;
}
