import type { ConversationFilter } from '@/platform/api/types';

/** What the page shows, as its address says it. */
export interface HistoryView {
  text: string;
  filter: ConversationFilter;
}

/** The lists of the page, in their order. */
export const FILTERS = [
  'active',
  'archived',
  'deleted',
] as const satisfies readonly ConversationFilter[];

/** What a query string asks for; the usual list where it is not one of ours. */
export function readView(params: URLSearchParams): HistoryView {
  const wanted = params.get('filter');
  return {
    text: (params.get('q') ?? '').slice(0, 200),
    filter: FILTERS.find((filter) => filter === wanted) ?? 'active',
  };
}

/** The address of a view; nothing in it that is usual. */
export function viewPath({ text, filter }: HistoryView): string {
  const params = new URLSearchParams();
  if (text !== '') params.set('q', text);
  if (filter !== 'active') params.set('filter', filter);
  const query = params.toString();
  return query === '' ? '/history' : `/history?${query}`;
}
