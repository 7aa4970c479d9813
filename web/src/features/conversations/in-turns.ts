/** So many requests at once leave room for the page's own. */
const AT_ONCE = 4;

/** What came of many. */
export interface Outcome<T> {
  done: { id: string; result: T }[];
  /** The first thing that went wrong. */
  error: unknown;
}

/** Does something for each, a few at a time. One that fails stops no other. */
export async function inTurns<T>(
  ids: readonly string[],
  act: (id: string) => Promise<T>,
): Promise<Outcome<T>> {
  const waiting = [...ids];
  const outcome: Outcome<T> = { done: [], error: null };
  async function work(): Promise<void> {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      try {
        outcome.done.push({ id, result: await act(id) });
      } catch (error) {
        outcome.error ??= error;
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return outcome;
}
