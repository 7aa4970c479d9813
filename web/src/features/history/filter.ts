import type { Narrowing } from '@/features/conversations';
import type { ConversationFilter, ConversationSort } from '@/platform/api/types';

/** What the page shows, as its address says it. */
export interface HistoryView {
  text: string;
  filter: ConversationFilter;
  sort: ConversationSort;
  pinned: boolean;
  /** The first and the last day, as `2026-11-23`; empty for no end. */
  from: string;
  to: string;
}

/** The lists of the page, in their order. */
export const FILTERS = [
  'active',
  'archived',
  'deleted',
] as const satisfies readonly ConversationFilter[];

/** The orders of a list. */
export const SORTS = ['recent', 'oldest', 'title'] as const satisfies readonly ConversationSort[];

/** What narrows nothing. */
export const WHOLE = { sort: 'recent', pinned: false, from: '', to: '' } as const;

/** The midnight that a day begins with, here; `null` where it is no day. */
function midnight(day: string, later = 0): Date | null {
  const [, year, month, date] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day) ?? [];
  if (year === undefined) return null;
  const time = new Date(Number(year), Number(month) - 1, Number(date) + later);
  return Number.isNaN(time.getTime()) ? null : time;
}

function readDay(text: string | null): string {
  return text !== null && midnight(text) ? text : '';
}

/** What a query string asks for; the usual list where it is not one of ours. */
export function readView(params: URLSearchParams): HistoryView {
  const wanted = params.get('filter');
  const order = params.get('sort');
  return {
    text: (params.get('q') ?? '').slice(0, 200),
    filter: FILTERS.find((filter) => filter === wanted) ?? 'active',
    sort: SORTS.find((sort) => sort === order) ?? 'recent',
    pinned: params.get('pinned') === '1',
    from: readDay(params.get('from')),
    to: readDay(params.get('to')),
  };
}

/** The address of a view; nothing in it that is usual. */
export function viewPath({ text, filter, sort, pinned, from, to }: HistoryView): string {
  const params = new URLSearchParams();
  if (text !== '') params.set('q', text);
  if (filter !== 'active') params.set('filter', filter);
  if (sort !== 'recent') params.set('sort', sort);
  if (pinned) params.set('pinned', '1');
  if (from !== '') params.set('from', from);
  if (to !== '') params.set('to', to);
  const query = params.toString();
  return query === '' ? '/history' : `/history?${query}`;
}

/** Whether the first day is after the last one, between which nothing is. */
export function isTurnedRound({ from, to }: HistoryView): boolean {
  return from !== '' && to !== '' && from > to;
}

/** What to ask the server for: whole days of this device's clock. */
export function narrowingOf({ sort, pinned, from, to }: HistoryView): Narrowing {
  const begin = midnight(from);
  const end = midnight(to, 1);
  return {
    ...(sort !== 'recent' && { sort }),
    ...(pinned && { pinned }),
    ...(begin && { from: begin.toISOString() }),
    ...(end && { to: end.toISOString() }),
  };
}
