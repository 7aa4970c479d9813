'use client';

import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from 'react';

/** So near to the end counts as the end. */
const NEAR = 48;

function distance(element: HTMLElement): number {
  return element.scrollHeight - element.scrollTop - element.clientHeight;
}

/**
 * Keeps a scrolled box at its end while its content grows, unless the reader
 * went elsewhere. Tells whether they did, and brings them back.
 */
export function useStickToEnd(
  box: RefObject<HTMLElement | null>,
  content: RefObject<HTMLElement | null>,
): { away: boolean; toEnd: () => void } {
  const stuck = useRef(true);
  const [away, setAway] = useState(false);

  useLayoutEffect(() => {
    const element = box.current;
    if (element) element.scrollTop = element.scrollHeight;
  }, [box]);

  useEffect(() => {
    const element = box.current;
    const inner = content.current;
    if (!element || !inner) return;
    let last = element.scrollTop;

    const onScroll = () => {
      const top = element.scrollTop;
      // Growth also moves the end away; only a move upwards is the reader's.
      if (top < last - 2 && distance(element) > NEAR) stuck.current = false;
      else if (distance(element) <= NEAR) stuck.current = true;
      last = top;
      setAway(!stuck.current);
    };
    const observer = new ResizeObserver(() => {
      if (stuck.current) element.scrollTop = element.scrollHeight;
    });
    observer.observe(inner);
    observer.observe(element);
    element.addEventListener('scroll', onScroll, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', onScroll);
    };
  }, [box, content]);

  return {
    away,
    toEnd: () => {
      const element = box.current;
      if (!element) return;
      stuck.current = true;
      setAway(false);
      element.scrollTo({ top: element.scrollHeight, behavior: 'smooth' });
    },
  };
}
