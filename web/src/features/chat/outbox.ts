import { Listeners } from '@/platform/listeners';
import type { NewOptions } from './options';

/** A picture that waits to be sent. */
export interface Picture {
  id: string;
  name: string;
  /** A `data:` address: what is sent and what is shown. */
  data: string;
}

/** A question on its way to the server. */
export interface Outgoing {
  /** Made here, so that sending twice asks once. */
  key: string;
  /** `null` until the conversation is made. */
  conversationId: string | null;
  /** Undefined follows the branch that is shown; `null` starts anew. */
  parentId: string | null | undefined;
  text: string;
  pictures: Picture[];
  model: string | null;
  /** A second model that answers the same. */
  compareModel: string | null;
  /** Of a new conversation: how its questions are asked. */
  options: NewOptions | null;
  state: 'sending' | 'failed';
  error: unknown;
}

/** The questions that the server has not taken yet. */
export class Outbox {
  readonly #changed = new Listeners();
  #items: readonly Outgoing[] = [];

  /** For `useSyncExternalStore`. */
  subscribe = (listener: () => void): (() => void) => this.#changed.add(listener);

  /** For `useSyncExternalStore`. */
  items = (): readonly Outgoing[] => this.#items;

  /** Adds a question. */
  add(item: Outgoing): void {
    this.#set([...this.#items, item]);
  }

  /** Changes one. */
  update(key: string, change: Partial<Outgoing>): void {
    this.#set(this.#items.map((item) => (item.key === key ? { ...item, ...change } : item)));
  }

  /** Takes one out. */
  remove(key: string): void {
    this.#set(this.#items.filter((item) => item.key !== key));
  }

  /** Forgets all: the session is over. */
  clear(): void {
    this.#set([]);
  }

  #set(items: readonly Outgoing[]): void {
    this.#items = items;
    this.#changed.emit();
  }
}
