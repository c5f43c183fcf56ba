/** Promise.all() of what is mostly there already: with two hundred agents a promise for each in every check takes milliseconds. */
export function allOf<T>(values: readonly (T | Promise<T>)[]): Promise<T[]> | T[] {
  return values.some((value) => value instanceof Promise) ? Promise.all(values) : (values as T[]);
}

/** Until a question is on its way: more than any takes. */
const STEPS = 40;

/**
 * Lets what was begun go on, as far as it waits for nothing outside: until its child runs, or its message is sent. What this
 * program does next would come in between.
 */
export async function letBegin(): Promise<void> {
  for (let step = 0; step < STEPS; step++) await undefined;
}
