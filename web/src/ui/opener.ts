'use client';

import { useState } from 'react';

// The items of a menu are gone by the time that a dialog which they opened
// closes: what the menu opened from is the place to return to.
const PASSING = '[role="menu"], [role="listbox"], [data-radix-focus-guard]';

let last: HTMLElement | null = null;
if (typeof document !== 'undefined') {
  document.addEventListener('focusin', ({ target }) => {
    if (target instanceof HTMLElement && target.closest(PASSING) === null) last = target;
  });
}

/**
 * For a dialog of Radix that opens without a trigger of its own, which would
 * leave the focus nowhere: what to do as it closes. The focus goes back to
 * where it was, unless what was done in the dialog has put it elsewhere.
 */
export function useOpener(open: boolean): (event: Event) => void {
  const [state, setState] = useState<{ open: boolean; opener: HTMLElement | null }>({
    open: false,
    opener: null,
  });
  // While it is drawn for the first time: a field within may take the focus
  // before any effect runs.
  if (state.open !== open) setState({ open, opener: open ? last : state.opener });
  return (event) => {
    event.preventDefault();
    const focused = document.activeElement;
    if (focused !== null && focused !== document.body) return;
    const back = state.opener?.isConnected ? state.opener : document.getElementById('main');
    back?.focus();
  };
}
