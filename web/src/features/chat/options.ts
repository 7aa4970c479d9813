import { Listeners } from '@/platform/listeners';
import { readTab, writeTab } from '@/platform/storage';

/** How much a model is to think. */
export const LEVELS = ['off', 'low', 'medium', 'high'] as const;

/** How much a model is to think. */
export type Level = (typeof LEVELS)[number];

/** How a conversation's questions are asked; `null` leaves it to the model's profile. */
export interface Options {
  thinking: Level | null;
  temperature: number | null;
  instructions: string | null;
}

/** Those of a conversation that is not begun: what is absent is the person's default. */
export type NewOptions = Partial<Options>;

/** The level of that name, if it is one. */
export function levelOf(name: unknown): Level | null {
  return LEVELS.find((level) => level === name) ?? null;
}

/** Whether anything is asked otherwise than a model is by itself. */
export function isSet({ thinking, temperature, instructions }: Options): boolean {
  return thinking !== null || temperature !== null || instructions !== null;
}

function stored(): NewOptions | null {
  try {
    const found: unknown = JSON.parse(readTab('openmake.options') ?? 'null');
    if (found === null || typeof found !== 'object') return null;
    const { thinking, temperature, instructions } = found as Record<string, unknown>;
    return {
      thinking: levelOf(thinking),
      temperature: typeof temperature === 'number' ? temperature : null,
      ...(typeof instructions === 'string' || instructions === null ? { instructions } : {}),
    };
  } catch {
    return null;
  }
}

/** The options of the conversation that is not begun yet, kept for the tab. */
export class NewOptionsStore {
  readonly #changed = new Listeners();
  #options: NewOptions | null = stored();

  /** For `useSyncExternalStore`. */
  subscribe = (listener: () => void): (() => void) => this.#changed.add(listener);

  /** For `useSyncExternalStore`: `null` where nothing was chosen. */
  get = (): NewOptions | null => this.#options;

  /** Chooses them. */
  set(options: NewOptions | null): void {
    this.#options = options;
    writeTab('openmake.options', options === null ? null : JSON.stringify(options));
    this.#changed.emit();
  }
}
