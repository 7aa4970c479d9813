import type { VirtualItem } from '@tanstack/react-virtual';

/** Where one was in a conversation, and how high its messages were. */
export interface Place {
  /** The first message that was read, which `top` is counted from. */
  first: string;
  top: number;
  heights: VirtualItem[];
}

/** So many places are remembered, the newest. */
const KEPT = 20;
/** So near to the end counts as the end. */
export const NEAR = 48;

const places = new Map<string, Place>();

/** How far the end is below the window. */
export function distanceToEnd(box: HTMLElement): number {
  return box.scrollHeight - box.scrollTop - box.clientHeight;
}

/** Where one was when one left; `null` at the end, which grows meanwhile. */
export function placeOf(id: string): Place | null {
  return places.get(id) ?? null;
}

/** Keeps where one is. */
export function rememberPlace(
  id: string,
  box: HTMLElement,
  { first, heights }: { first: string | undefined; heights: VirtualItem[] },
): void {
  places.delete(id);
  if (distanceToEnd(box) <= NEAR || first === undefined) return;
  places.set(id, { first, top: box.scrollTop, heights });
  const [oldest] = places.keys();
  if (places.size > KEPT && oldest !== undefined) places.delete(oldest);
}
