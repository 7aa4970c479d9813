import { type QueryClient, queryOptions } from '@tanstack/react-query';
import { call, callRaw } from '@/platform/api/client';
import type { Conversation, Message, Page, StartTurn, TurnStarted } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';

const PAGE = 200;

/** All messages of a conversation, every branch, oldest first. */
async function listMessages(id: string, signal: AbortSignal): Promise<Message[]> {
  const messages: Message[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<Message> = await call<Page<Message>>(`/conversations/${id}/messages`, {
      query: { cursor, limit: PAGE },
      signal,
    });
    messages.push(...page.items);
    cursor = page.next_cursor ?? null;
  } while (cursor !== null);
  return messages;
}

/** The messages of a conversation. */
export const messagesQuery = (id: string) =>
  queryOptions({
    queryKey: keys.messages(id),
    queryFn: ({ signal }) => listMessages(id, signal),
  });

/** An image of a message, as an address that an `img` can show. */
export const blobQuery = (id: string) =>
  queryOptions({
    queryKey: keys.blob(id),
    queryFn: async ({ signal }) => {
      const response = await callRaw(`/blobs/${id}`, { headers: { accept: 'image/*' }, signal });
      return URL.createObjectURL(await response.blob());
    },
    // An object URL lives as long as the page: made once an image.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
  });

/** Asks. Sending the same key again gives the same turn. */
export function startTurn(
  conversationId: string,
  request: StartTurn,
  key: string,
): Promise<TurnStarted> {
  return call<TurnStarted>(`/conversations/${conversationId}/turns`, {
    method: 'POST',
    body: request,
    headers: { 'idempotency-key': key },
  });
}

/** Stops a turn. */
export function cancelTurn(turnId: string): Promise<void> {
  return call<void>(`/turns/${turnId}/cancel`, { method: 'POST' });
}

/** Asks the same again, beside the first answer. */
export function regenerateTurn(turnId: string, model: string | null): Promise<TurnStarted> {
  return call<TurnStarted>(`/turns/${turnId}/regenerate`, { method: 'POST', body: { model } });
}

/** Goes on where an answer stopped. */
export function continueTurn(turnId: string): Promise<TurnStarted> {
  return call<TurnStarted>(`/turns/${turnId}/continue`, { method: 'POST' });
}

/** Puts messages into the cache: new ones at the end, known ones in place. */
export function putMessages(client: QueryClient, id: string, changed: readonly Message[]): void {
  client.setQueryData<Message[]>(keys.messages(id), (old) => {
    const byId = new Map((old ?? []).map((message) => [message.id, message]));
    for (const message of changed) byId.set(message.id, message);
    return [...byId.values()];
  });
}

/** Changes a conversation in the cache. */
export function patchConversation(
  client: QueryClient,
  id: string,
  change: Partial<Conversation>,
): void {
  client.setQueryData<Conversation>(keys.conversation(id), (old) => old && { ...old, ...change });
}
