'use client';

import {
  defaultRangeExtractor,
  elementScroll,
  type Range,
  useVirtualizer,
} from '@tanstack/react-virtual';
import { type FocusEvent, type RefObject, useLayoutEffect, useRef, useState } from 'react';
import type { Message } from '@/platform/api/types';
import { type Place, placeOf, rememberPlace } from './places';

/** The last messages are always built: what streams in is not measured by the way. */
const TAIL = 2;
/** So many messages beyond each edge of the window are built. */
const BEYOND = 5;
/** So many messages stay built since somebody was at work in them. */
const KEPT = 4;
/** The space above the first message, and where more can be read above it. */
const ABOVE = 16;
const ABOVE_MORE = 64;

/** A message that is built, or the room of those that are not. */
export type Row =
  | { kind: 'message'; key: string; index: number; measured: boolean }
  | { kind: 'gap'; key: string; height: number };

/** How high a message will be, roughly: a better guess makes a steadier scrollbar. */
export function guessHeight({ role, content, tool_calls }: Message): number {
  const perLine = role === 'user' ? 78 : 92;
  let lines = 0;
  for (let at = 0; at <= content.length && lines < 400; ) {
    const end = content.indexOf('\n', at);
    const stop = end < 0 ? content.length : end;
    lines += Math.max(1, Math.ceil((stop - at) / perLine));
    at = stop + 1;
  }
  return 28 + (role === 'user' ? 48 : 44) + lines * 26 + tool_calls.length * 44;
}

/** Which messages are built, and the room between them. */
export function useRows(
  id: string | null,
  messages: readonly Message[],
  box: RefObject<HTMLDivElement | null>,
  last: RefObject<number>,
) {
  const count = Math.max(messages.length - TAIL, 0);
  const [place] = useState<Place | null>(() => {
    const known = id === null ? null : placeOf(id);
    return known?.first === messages[0]?.id ? known : null;
  });
  const more = messages[0]?.parent_id != null;
  // An editor that is scrolled away must keep what was typed into it.
  const kept = useRef<string[]>([]);

  const virtual = useVirtualizer({
    count,
    getScrollElement: () => box.current,
    getItemKey: (index) => messages[index]?.id ?? index,
    estimateSize: (index) => {
      const message = messages[index];
      return message ? guessHeight(message) : 0;
    },
    scrollToFn: (offset, options, instance) => {
      elementScroll(offset, options, instance);
      last.current = box.current?.scrollTop ?? 0;
    },
    overscan: BEYOND,
    paddingStart: more ? ABOVE_MORE : ABOVE,
    // What is looked at stays where it is when older messages come above it.
    anchorTo: 'end',
    // At the end until told otherwise; the browser cuts it to what there is.
    initialOffset: place?.top ?? Number.MAX_SAFE_INTEGER,
    ...(place ? { initialMeasurementsCache: place.heights } : {}),
    rangeExtractor: (range: Range) => {
      const indexes = new Set(defaultRangeExtractor(range));
      for (const key of kept.current) {
        const index = messages.findIndex((message) => message.id === key);
        if (index >= 0 && index < count) indexes.add(index);
      }
      return [...indexes].sort((a, b) => a - b);
    },
  });

  const first = useRef<string | undefined>(undefined);
  useLayoutEffect(() => {
    first.current = messages[0]?.id;
  });
  // Before the box leaves the page, after which it has no place.
  useLayoutEffect(() => {
    const element = box.current;
    if (id === null || !element) return;
    return () => {
      rememberPlace(id, element, { first: first.current, heights: virtual.takeSnapshot() });
    };
  }, [id, box, virtual]);

  const rows: Row[] = [];
  let end = 0;
  for (const item of virtual.getVirtualItems()) {
    if (item.start > end) {
      rows.push({ kind: 'gap', key: `before ${item.key}`, height: item.start - end });
    }
    rows.push({ kind: 'message', key: String(item.key), index: item.index, measured: true });
    end = item.end;
  }
  const rest = virtual.getTotalSize() - end;
  if (rest > 0) rows.push({ kind: 'gap', key: 'rest', height: rest });
  for (let index = count; index < messages.length; index += 1) {
    const key = messages[index]?.id ?? String(index);
    rows.push({ kind: 'message', key, index, measured: false });
  }

  return {
    rows,
    measure: virtual.measureElement,
    /** Which of the messages is the first in the window. */
    start: virtual.range?.startIndex ?? count,
    /** Where the reader was when they left, if not at the end. */
    remembered: place?.top ?? null,
    /** Brings a message to the top of the window, unless it is one of the last, which are built. */
    goTo: (index: number) => {
      if (index < count) virtual.scrollToIndex(index, { align: 'start' });
    },
    /** Notes in which message the focus is. */
    keep: (event: FocusEvent) => {
      const row = event.target.closest<HTMLElement>('[data-message]');
      const key = row?.dataset.message;
      if (!key || kept.current.at(-1) === key) return;
      kept.current = [...kept.current.filter((other) => other !== key), key].slice(-KEPT);
    },
  };
}
