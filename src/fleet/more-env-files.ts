/**
 * The files from which an agent's unit takes variables besides fleet.env and the agent's own: drop-ins name them, and they win. In
 * their order; without patterns, of which it is not known what they stand for. `property`: EnvironmentFiles as D-Bus says it.
 */
export function moreEnvFiles(property: string, name: string): string[] {
  const usual = ["/mosaic/fleet/fleet.env", `/mosaic/fleet/agents/${name}.env`];
  return [...property.matchAll(/(\/.*?) (?:yes|no)(?= \/|$)/g)]
    .map(([, path = ""]) => path)
    .filter((path) => !/[*?[]/.test(path) && !usual.some((end) => path.endsWith(end)));
}
