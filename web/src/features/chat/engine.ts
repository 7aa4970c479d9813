import type { QueryClient } from '@tanstack/react-query';
import { createConversation, invalidateLists } from '@/features/conversations';
import type { Message, Part, TurnStarted } from '@/platform/api/types';
import { newId } from '@/platform/ids';
import { live } from '@/platform/live';
import { keys } from '@/platform/query/keys';
import { continueTurn, patchConversation, putMessages, regenerateTurn, startTurn } from './api';
import { type Run, thinkingMs } from './fold';
import { Outbox, type Outgoing, type Picture } from './outbox';
import { Queue } from './queue';
import { type RunEnd, RunStore } from './runs';

/** The answers that are being written. */
export const runs = new RunStore({
  live,
  now: () => Date.now(),
  setTimeout: (run, ms) => window.setTimeout(run, ms),
  clearTimeout: (timer) => window.clearTimeout(timer),
});

/** The questions that the server has not taken yet. */
export const outbox = new Outbox();

/** The questions that wait for an answer to end. */
export const queue = new Queue();

/** What is asked. */
export interface Question {
  conversationId: string | null;
  parentId: string | null | undefined;
  text: string;
  pictures: Picture[];
  model: string | null;
}

/** Sends a question; the answer is followed. Errors stay with the question. */
export function ask(
  client: QueryClient,
  question: Question,
  onCreated: (id: string) => void,
): void {
  send(client, newId(), question, onCreated);
}

function send(
  client: QueryClient,
  key: string,
  question: Question,
  onCreated: (id: string) => void,
): void {
  outbox.add({ ...question, key, state: 'sending', error: null });
  void deliver(client, key, onCreated);
}

/** Sends a question that waited, whatever it waited for. */
export function sendQueued(client: QueryClient, key: string): void {
  const item = queue.take(key);
  if (item) send(client, key, { ...item, parentId: undefined }, () => undefined);
}

/**
 * Sends what waits in a conversation, if the answer it waits for is there and
 * whole: after one that was stopped or failed, the person says how to go on.
 */
export function sendNext(client: QueryClient, conversationId: string): void {
  const next = queue.ready(conversationId);
  if (!next || outbox.items().some((item) => item.conversationId === conversationId)) return;
  const messages = client.getQueryData<Message[]>(keys.messages(conversationId));
  const leaf = leafOf(client, conversationId);
  const last = messages?.find(({ id }) => id === leaf);
  if (last?.status === 'complete') sendQueued(client, next.key);
}

/** Takes a question back that was not sent. */
export function discard(key: string): void {
  outbox.remove(key);
  queue.gone(key);
}

/** Sends a question that failed once more: with the same key, so never twice. */
export function askAgain(client: QueryClient, key: string, onCreated: (id: string) => void): void {
  outbox.update(key, { state: 'sending', error: null });
  void deliver(client, key, onCreated);
}

async function deliver(
  client: QueryClient,
  key: string,
  onCreated: (id: string) => void,
): Promise<void> {
  const find = () => outbox.items().find((item) => item.key === key);
  try {
    const item = find();
    if (!item) return;
    let { conversationId } = item;
    if (conversationId === null) {
      const made = await createConversation(item.model);
      conversationId = made.id;
      client.setQueryData(keys.conversation(made.id), made);
      client.setQueryData(keys.messages(made.id), []);
      outbox.update(key, { conversationId });
      onCreated(made.id);
    }
    const started = await startTurn(
      conversationId,
      {
        content: item.pictures.length === 0 ? item.text : parts(item),
        model: item.model,
        ...(item.parentId === undefined ? {} : { parent_id: item.parentId }),
      },
      key,
    );
    await accept(client, conversationId, started, item);
    discard(key);
    void invalidateLists(client);
  } catch (error) {
    outbox.update(key, { state: 'failed', error });
  }
}

function parts({ text, pictures }: Outgoing): Part[] {
  return [
    ...(text === '' ? [] : [{ type: 'text' as const, text }]),
    ...pictures.map(({ data }) => ({ type: 'image' as const, data })),
  ];
}

/** Shows a turn that the server has just taken, and follows it. */
async function accept(
  client: QueryClient,
  conversationId: string,
  started: TurnStarted,
  item: Outgoing | null,
): Promise<void> {
  // A read that began before the turn would take its messages away again.
  await client.cancelQueries({ queryKey: keys.messages(conversationId) });
  const known = client.getQueryData<Message[]>(keys.messages(conversationId)) ?? [];
  const now = new Date().toISOString();
  const changed: Message[] = [];
  if (item && !known.some(({ id }) => id === started.user_message_id)) {
    changed.push({
      ...blank(started.user_message_id, started.turn_id, now),
      role: 'user',
      status: 'complete',
      content: item.text,
      parent_id: item.parentId === undefined ? leafOf(client, conversationId) : item.parentId,
    });
  }
  changed.push({
    ...(known.find(({ id }) => id === started.assistant_message_id) ??
      blank(started.assistant_message_id, started.turn_id, now)),
    turn_id: started.turn_id,
    parent_id: started.user_message_id,
    status: 'running',
    error: null,
  });
  putMessages(client, conversationId, changed);
  patchConversation(client, conversationId, {
    active_leaf_id: started.assistant_message_id,
    updated_at: now,
  });
  runs.follow({
    turnId: started.turn_id,
    conversationId,
    messageId: started.assistant_message_id,
  });
  // Pictures have their ids only from the server.
  if (item && item.pictures.length > 0) {
    await client.invalidateQueries({ queryKey: keys.messages(conversationId) });
  }
}

function leafOf(client: QueryClient, conversationId: string): string | null {
  const conversation = client.getQueryData<{ active_leaf_id?: string | null }>(
    keys.conversation(conversationId),
  );
  return conversation?.active_leaf_id ?? null;
}

function blank(id: string, turnId: string, now: string): Message {
  return {
    id,
    turn_id: turnId,
    parent_id: null,
    role: 'assistant',
    content: '',
    thinking: null,
    attachments: [],
    tool_calls: [],
    model: null,
    agent_id: null,
    status: 'running',
    error: null,
    metrics: null,
    created_at: now,
  };
}

/** Asks the question of an answer again, perhaps another model. */
export async function regenerate(
  client: QueryClient,
  conversationId: string,
  turnId: string,
  model: string | null,
): Promise<void> {
  await accept(client, conversationId, await regenerateTurn(turnId, model), null);
}

/** Goes on with an answer that stopped. */
export async function continueAnswer(
  client: QueryClient,
  conversationId: string,
  turnId: string,
): Promise<void> {
  await accept(client, conversationId, await continueTurn(turnId), null);
  await client.invalidateQueries({ queryKey: keys.messages(conversationId) });
}

/** Writes a finished run into its message. */
function finished(message: Message, run: Run): Message {
  return {
    ...message,
    status: run.status,
    content: run.text,
    thinking: run.thinking === '' ? null : run.thinking,
    tool_calls: run.toolCalls,
    model: run.model,
    error: run.error,
    finish_reason: run.finishReason,
    thinking_ms: thinkingMs(run),
    context_cut: run.cut === 0 ? null : { messages: run.cut, tokens: 0 },
    metrics:
      run.outputTokens === null
        ? null
        : {
            input_tokens: run.inputTokens ?? 0,
            output_tokens: run.outputTokens,
            estimated: run.estimated,
            first_token_ms: run.firstTokenMs,
            tokens_per_second: run.tokensPerSecond,
            response_time_ms: null,
          },
  };
}

async function settle(client: QueryClient, { place, run }: RunEnd): Promise<void> {
  const { conversationId, messageId, turnId } = place;
  const messagesKey = keys.messages(conversationId);
  if (run) {
    await client.cancelQueries({ queryKey: messagesKey });
    const message = client.getQueryData<Message[]>(messagesKey)?.find(({ id }) => id === messageId);
    if (message) putMessages(client, conversationId, [finished(message, run)]);
  }
  // The server's word is the last one.
  await Promise.allSettled([
    client.invalidateQueries({ queryKey: messagesKey }),
    client.invalidateQueries({ queryKey: keys.conversation(conversationId) }),
    invalidateLists(client),
  ]);
  runs.drop(turnId);
  sendNext(client, conversationId);
}

/** Lets ended runs become messages. The answer undoes it. */
export function connectRuns(client: QueryClient): () => void {
  return runs.onEnd((end) => void settle(client, end));
}
