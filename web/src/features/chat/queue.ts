import { Listeners } from '@/platform/listeners';
import { readTab, writeTab } from '@/platform/storage';
import type { Picture } from './outbox';

/** A question that waits for the answer before it. */
export interface Queued {
  /** Sent with the question, so that two tabs or a refresh ask once. */
  key: string;
  conversationId: string;
  text: string;
  pictures: Picture[];
  model: string | null;
  /** A second model that answers the same. */
  compareModel: string | null;
  /** Pictures that a refresh took away: the browser's storage has no room for them. */
  lost: number;
}

type Stored = Omit<Queued, 'pictures' | 'lost'> & { pictures: number };

function stored(): Queued[] {
  try {
    const items: unknown = JSON.parse(readTab('openmake.queue') ?? '[]');
    if (!Array.isArray(items)) return [];
    return (items as Stored[])
      .filter(({ key, conversationId, text }) => key && conversationId && typeof text === 'string')
      .map((item) => ({
        ...item,
        compareModel: item.compareModel ?? null,
        pictures: [],
        lost: item.pictures,
      }));
  } catch {
    return [];
  }
}

/**
 * The questions that wait for answers to end, in the order in which they will
 * be asked. Kept for the tab: its texts survive a refresh, its pictures do not,
 * and such a question then waits to be looked at.
 */
export class Queue {
  readonly #changed = new Listeners();
  #items: readonly Queued[] = stored();
  /** Handed over, and still kept until the server has them. */
  #leaving: readonly Queued[] = [];
  #edited: string | null = null;

  /** For `useSyncExternalStore`. */
  subscribe = (listener: () => void): (() => void) => this.#changed.add(listener);

  /** For `useSyncExternalStore`. */
  items = (): readonly Queued[] => this.#items;

  /** Adds a question at the end. */
  add(item: Queued): void {
    this.#set([...this.#items, item]);
  }

  /** Changes the text of one. */
  edit(key: string, text: string): void {
    this.#set(this.#items.map((item) => (item.key === key ? { ...item, text } : item)));
  }

  /** Takes one out for good. */
  remove(key: string): void {
    this.#set(this.#items.filter((item) => item.key !== key));
  }

  /** Says which one is being edited: it is not sent under one's hands. */
  editing(key: string | null): void {
    this.#edited = key;
  }

  /** The next one of a conversation, if it can go without being looked at. */
  ready(conversationId: string): Queued | null {
    const next = this.#items.find((item) => item.conversationId === conversationId);
    return next && next.lost === 0 && next.key !== this.#edited ? next : null;
  }

  /** Hands one over for sending. */
  take(key: string): Queued | null {
    const item = this.#items.find((candidate) => candidate.key === key) ?? null;
    if (item) this.#leaving = [...this.#leaving, item];
    this.remove(key);
    return item;
  }

  /** The server has it, or the person has taken it back. */
  gone(key: string): void {
    this.#leaving = this.#leaving.filter((item) => item.key !== key);
    this.#set(this.#items);
  }

  /** Forgets all: the session is over. */
  clear(): void {
    this.#leaving = [];
    this.#set([]);
  }

  #set(items: readonly Queued[]): void {
    this.#items = items;
    const kept = [...this.#leaving, ...items].map(
      ({ lost, pictures, ...item }): Stored => ({ ...item, pictures: lost + pictures.length }),
    );
    writeTab('openmake.queue', kept.length === 0 ? null : JSON.stringify(kept));
    this.#changed.emit();
  }
}
