/** What a key press does, wherever one is on the pages. */
export type Shortcut =
  | 'palette'
  | 'new-chat'
  | 'previous'
  | 'next'
  | 'focus-composer'
  | 'copy-answer'
  | 'help';

/** A key press, as far as it matters here. */
export interface Press {
  key: string;
  code: string;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
  altKey: boolean;
}

/** Each shortcut with its keys; `Mod` is Cmd on a Mac and Ctrl elsewhere. */
export const SHORTCUTS: readonly { shortcut: Shortcut; keys: readonly string[] }[] = [
  { shortcut: 'palette', keys: ['Mod', 'K'] },
  { shortcut: 'new-chat', keys: ['Mod', 'Shift', 'O'] },
  { shortcut: 'focus-composer', keys: ['Shift', 'Esc'] },
  { shortcut: 'previous', keys: ['Alt', '↑'] },
  { shortcut: 'next', keys: ['Alt', '↓'] },
  { shortcut: 'copy-answer', keys: ['Mod', 'Shift', ';'] },
  { shortcut: 'help', keys: ['?'] },
];

/**
 * The shortcut that a press is. Letters are told by their place on the
 * keyboard, since a Korean or Russian layout gives other ones.
 */
export function shortcutOf(press: Press, typing: boolean): Shortcut | null {
  const mod = press.ctrlKey || press.metaKey;
  const { shiftKey: shift, altKey: alt } = press;
  if (mod && !shift && !alt && press.code === 'KeyK') return 'palette';
  if (mod && shift && !alt && press.code === 'KeyO') return 'new-chat';
  if (mod && shift && !alt && press.code === 'Semicolon') return 'copy-answer';
  if (!mod && shift && !alt && press.key === 'Escape') return 'focus-composer';
  if (!mod && !shift && alt && press.key === 'ArrowUp') return 'previous';
  if (!mod && !shift && alt && press.key === 'ArrowDown') return 'next';
  if (!mod && !alt && !typing && press.key === '?') return 'help';
  return null;
}

/** Whether keys go into a text where the focus is. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/** The neighbour of `current` in a list; its first or last when it is not there. */
export function neighbour(
  ids: readonly string[],
  current: string | null,
  step: 1 | -1,
): string | null {
  if (ids.length === 0) return null;
  const at = current === null ? -1 : ids.indexOf(current);
  if (at < 0) return ids[step === 1 ? 0 : ids.length - 1] ?? null;
  return ids[at + step] ?? null;
}
