'use client';

import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { distanceToEnd, NEAR } from './places';

/** Within so many windows of the end the way there is shown. */
const GLIDE = 3;

/**
 * Keeps a scrolled box at its end while its content grows, unless the reader
 * went elsewhere. Tells whether they did, and brings them back. Begins at
 * `from`, where one was before, or at the end. Whoever else scrolls the box
 * writes into `last` where it is then, so that this is not taken for the reader.
 */
export function useStickToEnd(
  box: RefObject<HTMLElement | null>,
  content: RefObject<HTMLElement | null>,
  from: number | null,
  last: RefObject<number>,
): { away: boolean; toEnd: () => void; leave: () => void } {
  const stuck = useRef(from === null);
  const [away, setAway] = useState(from !== null);

  useLayoutEffect(() => {
    const element = box.current;
    if (element) element.scrollTop = stuck.current ? element.scrollHeight : (from ?? 0);
  }, [box, from]);

  useEffect(() => {
    const element = box.current;
    const inner = content.current;
    if (!element || !inner) return;
    last.current = element.scrollTop;

    const onScroll = () => {
      const top = element.scrollTop;
      const far = distanceToEnd(element);
      // Growth also moves the end away; only a move upwards is the reader's.
      if (far <= NEAR) stuck.current = true;
      else if (top < last.current - 2) stuck.current = false;
      last.current = top;
      setAway(!stuck.current);
    };
    const observer = new ResizeObserver(() => {
      if (!stuck.current) return;
      element.scrollTop = element.scrollHeight;
      last.current = element.scrollTop;
    });
    observer.observe(inner);
    observer.observe(element);
    element.addEventListener('scroll', onScroll, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', onScroll);
    };
  }, [box, content, last]);

  return {
    away,
    /** Lets go of the end, to show something else. */
    leave: () => {
      stuck.current = false;
      setAway(true);
    },
    toEnd: () => {
      const element = box.current;
      if (!element) return;
      stuck.current = true;
      setAway(false);
      // A long way is leapt: nobody watches a thousand messages fly by.
      const near = distanceToEnd(element) < GLIDE * element.clientHeight;
      element.scrollTo({ top: element.scrollHeight, behavior: near ? 'smooth' : 'instant' });
    },
  };
}
