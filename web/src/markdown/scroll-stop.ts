import { type RefObject, useEffect } from 'react';

/**
 * Makes an element a stop of the Tab key while it can be scrolled: otherwise
 * what is outside of it could not be read without a mouse.
 */
export function useScrollStop(ref: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const element = ref.current;
    if (!element || typeof ResizeObserver === 'undefined') return;
    const look = () => {
      if (element.scrollWidth > element.clientWidth + 1) element.tabIndex = 0;
      else element.removeAttribute('tabindex');
    };
    const observer = new ResizeObserver(look);
    observer.observe(element);
    // What is inside grows without the element: fonts come, cells are added.
    const changes = new MutationObserver(look);
    changes.observe(element, { childList: true, subtree: true, characterData: true });
    return () => {
      observer.disconnect();
      changes.disconnect();
    };
  }, [ref]);
}
