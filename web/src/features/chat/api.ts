import { type QueryClient, queryOptions } from '@tanstack/react-query';
import { call, callRaw } from '@/platform/api/client';
import type { Conversation, Message, Page, StartTurn, TurnStarted } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';
import { placeOf } from './places';
import { withEnd, withOlder } from './tree';

/** So many messages are read at first, and so many above them at a time. */
const NEWEST = 50;
const OLDER = 200;

async function readBranch(
  id: string,
  query: { before?: string; limit: number },
  signal: AbortSignal | undefined,
): Promise<Message[]> {
  const page = await call<Page<Message>>(`/conversations/${id}/messages`, {
    query: { list: 'branch', ...query },
    ...(signal && { signal }),
  });
  return page.items;
}

/** The first message of the shown branch that was read; `null` when that is its beginning. */
function topOf(messages: readonly Message[]): Message | null {
  const ids = new Set(messages.map(({ id }) => id));
  const top = messages.find(({ parent_id }) => parent_id && !ids.has(parent_id));
  return top ?? null;
}

/** Reads on above the messages until `enough` of them are there, or all. */
async function readUp(
  id: string,
  messages: Message[],
  enough: (messages: readonly Message[]) => boolean,
  signal: AbortSignal | undefined,
): Promise<Message[]> {
  let read = messages;
  for (let top = topOf(read); top && !enough(read); top = topOf(read)) {
    const older = await readBranch(id, { before: top.id, limit: OLDER }, signal);
    if (older.length === 0) break;
    read = withOlder(read, older);
  }
  return read;
}

/**
 * The messages of the branch that is shown, from its end as far up as somebody
 * read, each with its other versions. Read again, only the end is: what stands
 * above it does not change but by what is done here.
 */
export const messagesQuery = (id: string) =>
  queryOptions({
    queryKey: keys.messages(id),
    queryFn: async ({ client, signal }) => {
      const known = client.getQueryData<Message[]>(keys.messages(id));
      const end = await readBranch(id, { limit: NEWEST }, signal);
      if (known) return withEnd(client.getQueryData<Message[]>(keys.messages(id)) ?? known, end);
      // Somebody was further up in it: they come back to where they were.
      const first = placeOf(id)?.first;
      if (first === undefined) return end;
      return readUp(id, end, (read) => read.some((message) => message.id === first), signal);
    },
  });

/** Reads what stands above the messages that are known: some of it, or all. */
export async function readOlder(
  client: QueryClient,
  id: string,
  how: { all: boolean; signal: AbortSignal },
): Promise<void> {
  const known = client.getQueryData<Message[]>(keys.messages(id)) ?? [];
  const read = await readUp(
    id,
    known,
    ({ length }) => !how.all && length > known.length,
    how.signal,
  );
  putOlder(client, id, known, read);
}

/** Puts what was `read` above the `known` messages there. */
function putOlder(
  client: QueryClient,
  id: string,
  known: readonly Message[],
  read: readonly Message[],
): void {
  const older = read.slice(0, read.length - known.length);
  client.setQueryData<Message[]>(keys.messages(id), (now) => {
    // Another branch may be shown by now, to which they do not belong.
    const top = known[0];
    return now && top && now.some((message) => message.id === top.id) ? withOlder(now, older) : now;
  });
}

/** Reads up to a message of the shown branch; whether it is there. */
export async function readThrough(
  client: QueryClient,
  id: string,
  message: string,
  signal: AbortSignal,
): Promise<boolean> {
  const key = keys.messages(id);
  const there = (messages: readonly Message[]) => messages.some((other) => other.id === message);
  const known = client.getQueryData<Message[]>(key) ?? [];
  const read = await readUp(id, known, there, signal);
  if (!there(read)) return false;
  putOlder(client, id, known, read);
  return true;
}

/**
 * Shows a conversation as the server has it now, as far up as `through` is: its
 * messages first, so that nothing is shown that is half there.
 */
export async function reveal(
  client: QueryClient,
  conversation: Conversation,
  through: string | null,
): Promise<void> {
  const { id } = conversation;
  const key = keys.messages(id);
  const end = await readBranch(id, { limit: NEWEST }, undefined);
  const merged = withEnd(client.getQueryData<Message[]>(key) ?? [], end);
  const messages = await readUp(
    id,
    merged,
    (read) => through === null || read.some((message) => message.id === through),
    undefined,
  );
  await client.cancelQueries({ queryKey: key });
  client.setQueryData<Message[]>(key, messages);
  client.setQueryData<Conversation>(keys.conversation(id), conversation);
}

/** Deletes a message with all that follows it. */
export function deleteMessage(conversationId: string, id: string): Promise<Conversation> {
  return call<Conversation>(`/conversations/${conversationId}/messages/${id}`, {
    method: 'DELETE',
  });
}

/** Brings a deleted message back, with all that went with it. */
export function restoreMessage(conversationId: string, id: string): Promise<Conversation> {
  return call<Conversation>(`/conversations/${conversationId}/messages/${id}/restore`, {
    method: 'POST',
  });
}

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
