/** A clock that a test moves by hand. */
export class ManualTimers {
  #now = 0;
  #next = 1;
  readonly #waiting = new Map<number, { at: number; run: () => void }>();

  now = (): number => this.#now;

  setTimeout = (run: () => void, ms: number): number => {
    const id = this.#next++;
    this.#waiting.set(id, { at: this.#now + ms, run });
    return id;
  };

  clearTimeout = (id: number): void => {
    this.#waiting.delete(id);
  };

  /** How many timers wait. */
  get pending(): number {
    return this.#waiting.size;
  }

  /** Lets time pass and runs what falls due, in order. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      const due = [...this.#waiting].filter(([, { at }]) => at <= until);
      const first = due.sort((a, b) => a[1].at - b[1].at)[0];
      if (!first) break;
      this.#waiting.delete(first[0]);
      this.#now = first[1].at;
      first[1].run();
    }
    this.#now = until;
  }
}

/** Lets promises that are settled run what waits for them. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}
