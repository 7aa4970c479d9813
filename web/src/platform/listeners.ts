/** A set of callbacks, as `useSyncExternalStore` and the live connection need it. */
export class Listeners<T = void> {
  readonly #all = new Set<(value: T) => void>();

  /** Adds a callback; the answer removes it. */
  add = (listener: (value: T) => void): (() => void) => {
    this.#all.add(listener);
    return () => {
      this.#all.delete(listener);
    };
  };

  /** Calls all of them. */
  emit(value: T): void {
    for (const listener of [...this.#all]) listener(value);
  }
}
