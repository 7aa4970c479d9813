import type { TurnEvent } from '@/platform/api/types';
import { Listeners } from '@/platform/listeners';
import type { LiveConnection } from '@/platform/live/connection';
import { applyEvent, emptyRun, type Run } from './fold';

/** At most this often does a running answer reach React. */
const FLUSH_MS = 50;
/** How often a gap may be asked for again. */
const RESUME_MS = 2_000;

/** What the store needs from outside. */
export interface RunDeps {
  live: Pick<LiveConnection, 'watch' | 'resume'>;
  now: () => number;
  setTimeout: (run: () => void, ms: number) => number;
  clearTimeout: (timer: number) => void;
}

/** Which answer of which conversation a turn writes. */
export interface RunPlace {
  turnId: string;
  conversationId: string;
  messageId: string;
}

/** How a run left the store. */
export type RunEnd = { place: RunPlace; run: Run } | { place: RunPlace; run: null };

interface Entry {
  place: RunPlace;
  /** Changed by every event. */
  run: Run;
  /** What React sees: a copy as of the last flush. */
  shown: Run;
  unwatch: () => void;
  timer: number | null;
  flushedAt: number;
  resumedAt: number;
}

/**
 * The answers that are being written, outside React: events change them at
 * once, and who looks at one is told at most twenty times a second.
 */
export class RunStore {
  readonly #deps: RunDeps;
  readonly #entries = new Map<string, Entry>();
  readonly #changed = new Map<string, Listeners>();
  readonly #ended = new Listeners<RunEnd>();
  /** Asking for these again would be refused again, and again. */
  readonly #refused = new Set<string>();

  constructor(deps: RunDeps) {
    this.#deps = deps;
  }

  /** Calls back when a turn has ended, or cannot be followed (`run` is null). */
  onEnd(listener: (end: RunEnd) => void): () => void {
    return this.#ended.add(listener);
  }

  /** Follows a turn from its first event; twice is once. */
  follow(place: RunPlace): void {
    if (this.#entries.has(place.turnId) || this.#refused.has(place.turnId)) return;
    const entry: Entry = {
      place,
      run: emptyRun(place.turnId),
      shown: emptyRun(place.turnId),
      unwatch: () => undefined,
      timer: null,
      flushedAt: Number.NEGATIVE_INFINITY,
      resumedAt: Number.NEGATIVE_INFINITY,
    };
    this.#entries.set(place.turnId, entry);
    entry.unwatch = this.#deps.live.watch(place.turnId, {
      after: () => entry.run.seq,
      onEvent: (event) => this.#take(entry, event),
      onRefused: () => {
        this.#refused.add(place.turnId);
        entry.unwatch();
        this.#ended.emit({ place, run: null });
      },
    });
    this.#notify(place.turnId);
  }

  /** Forgets a turn: its message says it all now. */
  drop(turnId: string): void {
    const entry = this.#entries.get(turnId);
    if (!entry) return;
    entry.unwatch();
    if (entry.timer !== null) this.#deps.clearTimeout(entry.timer);
    this.#entries.delete(turnId);
    this.#notify(turnId);
  }

  /** Forgets everything: the session is over. */
  clear(): void {
    this.#refused.clear();
    for (const turnId of [...this.#entries.keys()]) this.drop(turnId);
  }

  /** What there is to show of a turn. */
  get(turnId: string): Run | null {
    return this.#entries.get(turnId)?.shown ?? null;
  }

  /** For `useSyncExternalStore`. */
  subscribe(turnId: string, listener: () => void): () => void {
    let listeners = this.#changed.get(turnId);
    if (!listeners) {
      listeners = new Listeners();
      this.#changed.set(turnId, listeners);
    }
    return listeners.add(listener);
  }

  #take(entry: Entry, event: TurnEvent): void {
    const applied = applyEvent(entry.run, event, this.#deps.now());
    if (applied === 'gap') {
      const now = this.#deps.now();
      if (now - entry.resumedAt < RESUME_MS) return;
      entry.resumedAt = now;
      this.#deps.live.resume(entry.place.turnId);
    } else if (applied === 'applied') {
      entry.resumedAt = Number.NEGATIVE_INFINITY;
      if (entry.run.status === 'running') this.#schedule(entry);
      else this.#end(entry);
    }
  }

  #end(entry: Entry): void {
    this.#flush(entry);
    entry.unwatch();
    this.#ended.emit({ place: entry.place, run: entry.shown });
  }

  #schedule(entry: Entry): void {
    if (entry.timer !== null) return;
    const wait = Math.max(0, FLUSH_MS - (this.#deps.now() - entry.flushedAt));
    entry.timer = this.#deps.setTimeout(() => this.#flush(entry), wait);
  }

  #flush(entry: Entry): void {
    if (entry.timer !== null) this.#deps.clearTimeout(entry.timer);
    entry.timer = null;
    entry.flushedAt = this.#deps.now();
    entry.shown = { ...entry.run };
    this.#notify(entry.place.turnId);
  }

  #notify(turnId: string): void {
    this.#changed.get(turnId)?.emit();
  }
}
