import type { KeyboardEvent } from 'react';

/**
 * Whether a key sends: Enter without Shift, and never the Enter that ends the
 * composition of a Korean, Japanese or Chinese syllable. Safari ends the
 * composition before that key arrives, and marks it only by its code.
 */
export function isSendKey(event: KeyboardEvent): boolean {
  return (
    event.key === 'Enter' &&
    !event.shiftKey &&
    !event.nativeEvent.isComposing &&
    event.nativeEvent.keyCode !== 229
  );
}
