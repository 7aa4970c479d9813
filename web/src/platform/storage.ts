/** What is kept in the browser between visits. */
type Key =
  | 'openmake.theme'
  | 'openmake.locale'
  | 'openmake.session'
  | 'openmake.sidebar'
  | 'openmake.model'
  | 'openmake.drafts';

/** Reads a value; `null` where there is none or storage is blocked. */
export function readStored(key: Key): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Keeps a value, or forgets it when it is `null`. */
export function writeStored(key: Key, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // A full or blocked storage costs the memory of a choice, not the choice.
  }
}

/** What is kept for one tab, until it is closed. */
type TabKey = 'openmake.queue' | 'openmake.options';

/** Reads a value of this tab; `null` where there is none or storage is blocked. */
export function readTab(key: TabKey): string | null {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Keeps a value for this tab, or forgets it when it is `null`. */
export function writeTab(key: TabKey, value: string | null): void {
  try {
    if (value === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, value);
  } catch {
    // As above: it lasts as long as the page.
  }
}
