import {
  infiniteQueryOptions,
  keepPreviousData,
  type QueryClient,
  queryOptions,
} from '@tanstack/react-query';
import { call, callRaw } from '@/platform/api/client';
import type {
  Conversation,
  ConversationFilter,
  ConversationSort,
  ExportFormat,
  Page,
  SearchHit,
  UpdateConversation,
} from '@/platform/api/types';
import { keys } from '@/platform/query/keys';

/** A part of a list, in an order of its own; what is absent narrows nothing. */
export interface Narrowing {
  sort?: ConversationSort;
  pinned?: boolean;
  /** From this time on, and before this one. */
  from?: string;
  to?: string;
}

const WHOLE: Narrowing = {};

/** The list of conversations, page by page. */
export const conversationsQuery = (filter: ConversationFilter, narrowing = WHOLE) =>
  infiniteQueryOptions({
    queryKey: keys.conversations(filter, narrowing),
    queryFn: ({ pageParam, signal }) =>
      call<Page<Conversation>>('/conversations', {
        query: { filter, ...narrowing, cursor: pageParam, limit: 50 },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
  });

/** One conversation. */
export const conversationQuery = (id: string) =>
  queryOptions({
    queryKey: keys.conversation(id),
    queryFn: ({ signal }) => call<Conversation>(`/conversations/${id}`, { signal }),
  });

/** Conversations in which all words occur. */
export const searchQuery = (text: string, limit = 30) =>
  queryOptions({
    queryKey: keys.search(text, limit),
    queryFn: ({ signal }) =>
      call<{ items: SearchHit[] }>('/search', { query: { q: text, limit }, signal }),
    enabled: text !== '',
    placeholderData: keepPreviousData,
  });

/** Makes a conversation. */
export function createConversation(model: string | null): Promise<Conversation> {
  return call<Conversation>('/conversations', { method: 'POST', body: { model } });
}

/** Changes what is named of a conversation. */
export function updateConversation(id: string, change: UpdateConversation): Promise<Conversation> {
  return call<Conversation>(`/conversations/${id}`, { method: 'PATCH', body: change });
}

/** Deletes a conversation; it can be restored for 30 days. */
export function deleteConversation(id: string): Promise<void> {
  return call<void>(`/conversations/${id}`, { method: 'DELETE' });
}

/** Takes a deletion back. */
export function restoreConversation(id: string): Promise<Conversation> {
  return call<Conversation>(`/conversations/${id}/restore`, { method: 'POST' });
}

/** A conversation as a file. */
export async function exportConversation(id: string, format: ExportFormat): Promise<Blob> {
  const response = await callRaw(`/conversations/${id}/export`, {
    query: { format },
    headers: { accept: '*/*' },
  });
  return response.blob();
}

/** The lists are old: read those that are shown again. */
export function invalidateLists(client: QueryClient): Promise<void> {
  void client.invalidateQueries({ queryKey: keys.searches });
  return client.invalidateQueries({ queryKey: keys.conversationLists });
}
