'use client';

import { type QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { useTranslations } from 'use-intl';
import { conversationQuery, updateConversation } from '@/features/conversations';
import { chooseModel, modelsQuery } from '@/features/models';
import type { Conversation, Message } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { newId } from '@/platform/ids';
import { keys } from '@/platform/query/keys';
import { nameConversation } from '@/platform/route';
import { readStored, writeStored } from '@/platform/storage';
import { toast, toastError } from '@/ui/toast';
import {
  cancelTurn,
  deleteMessage,
  messagesQuery,
  patchConversation,
  readOlder,
  restoreMessage,
  reveal,
} from './api';
import {
  ask,
  askAgain,
  continueAnswer,
  discard,
  outbox,
  queue,
  regenerate,
  runs,
  sendNext,
  sendQueued,
} from './engine';
import type { Run } from './fold';
import type { Outgoing, Picture } from './outbox';
import type { Queued } from './queue';
import { branch, buildTree, leafBelow, type Tree, without } from './tree';

const noItems: readonly Outgoing[] = [];
const noQueue: readonly Queued[] = [];
const noMessages: readonly Message[] = [];

/** A running answer, flushed at most twenty times a second. */
export function useRun(turnId: string | null): Run | null {
  return useSyncExternalStore(
    useCallback(
      (listener: () => void) =>
        turnId === null ? () => undefined : runs.subscribe(turnId, listener),
      [turnId],
    ),
    () => (turnId === null ? null : runs.get(turnId)),
    () => null,
  );
}

/** The question of this conversation that the server has not taken yet. */
export function useOutgoing(conversationId: string | null): Outgoing | null {
  const items = useSyncExternalStore(outbox.subscribe, outbox.items, () => noItems);
  return items.find((item) => item.conversationId === conversationId) ?? null;
}

/** What waits in a conversation for its answer to end, and what can be done with it. */
export function useQueue(conversationId: string | null, idle: boolean) {
  const client = useQueryClient();
  const all = useSyncExternalStore(queue.subscribe, queue.items, () => noQueue);
  const items = useMemo(
    () => all.filter((item) => item.conversationId === conversationId),
    [all, conversationId],
  );
  // The answer may have ended while nobody was here to see it.
  useEffect(() => {
    if (conversationId !== null && idle && items.length > 0) sendNext(client, conversationId);
  }, [client, conversationId, idle, items]);
  return {
    items,
    add: (question: { text: string; pictures: Picture[]; model: string | null }) => {
      if (conversationId !== null)
        queue.add({ ...question, key: newId(), conversationId, lost: 0 });
    },
    edit: (key: string, text: string) => queue.edit(key, text),
    editing: (key: string | null) => {
      queue.editing(key);
      if (key === null && conversationId !== null && idle) sendNext(client, conversationId);
    },
    remove: (key: string) => queue.remove(key),
    send: (key: string) => sendQueued(client, key),
  };
}

export type QueueActions = ReturnType<typeof useQueue>;

/** A conversation as it is shown. */
export interface Shown {
  conversation: Conversation | null;
  tree: Tree;
  messages: readonly Message[];
  loading: boolean;
  error: Error | null;
  retry: () => void;
}

/** Reads a conversation and follows whatever is being answered in it. */
export function useShown(id: string | null): Shown {
  const conversation = useQuery({ ...conversationQuery(id ?? ''), enabled: id !== null });
  const messages = useQuery({ ...messagesQuery(id ?? ''), enabled: id !== null });
  const all = messages.data ?? noMessages;
  const tree = useMemo(() => buildTree(all), [all]);
  const wanted = conversation.data?.active_leaf_id ?? null;
  // A leaf may be known before its messages are read: until then what was shown stays.
  const [leaf, setLeaf] = useState(wanted);
  if (leaf !== wanted && (wanted === null || tree.byId.has(wanted))) setLeaf(wanted);
  const shown = useMemo(() => branch(tree, leaf), [tree, leaf]);

  useEffect(() => {
    if (id === null) return;
    for (const message of all) {
      if (message.status !== 'running' || !message.turn_id) continue;
      runs.follow({ turnId: message.turn_id, conversationId: id, messageId: message.id });
    }
  }, [id, all]);

  return {
    conversation: conversation.data ?? null,
    tree,
    messages: shown,
    loading: id !== null && (conversation.isPending || messages.isPending),
    error: conversation.data && messages.data ? null : (conversation.error ?? messages.error),
    retry: () => {
      void conversation.refetch();
      void messages.refetch();
    },
  };
}

/** What stands above the messages that were read, and how to read it. */
export function useOlder(id: string | null, messages: readonly Message[]) {
  const client = useQueryClient();
  const gone = useRef<AbortController | null>(null);
  useEffect(() => {
    const leaving = new AbortController();
    gone.current = leaving;
    return () => leaving.abort();
  }, []);
  const { mutate, isPending, error } = useMutation({
    mutationFn: async ({ all }: { all: boolean }) => {
      const signal = gone.current?.signal;
      if (id !== null && signal) await readOlder(client, id, { all, signal });
    },
  });
  return {
    more: id !== null && messages[0]?.parent_id != null,
    busy: isPending,
    error,
    read: useCallback(() => mutate({ all: false }), [mutate]),
    readAll: useCallback(() => mutate({ all: true }), [mutate]),
  };
}

export type Older = ReturnType<typeof useOlder>;

/** Which model answers next, and how to choose another. */
export function useModel(conversation: Conversation | null): [string | null, (id: string) => void] {
  const client = useQueryClient();
  const explain = useExplain();
  const { data } = useQuery(modelsQuery);
  const [last, setLast] = useState(() => readStored('openmake.model'));
  const model = chooseModel(data?.items ?? [], [conversation?.model, last, data?.default_model]);
  return [
    model ?? conversation?.model ?? null,
    (id) => {
      setLast(id);
      writeStored('openmake.model', id);
      if (!conversation) return;
      patchConversation(client, conversation.id, { model: id });
      updateConversation(conversation.id, { model: id }).catch((error: unknown) => {
        toastError(explain.error(error).title);
        void client.invalidateQueries({ queryKey: keys.conversation(conversation.id) });
      });
    },
  ];
}

/** Gives a new conversation its address, unless the person went elsewhere meanwhile. */
function onCreated(id: string): void {
  if (new URLSearchParams(window.location.search).get('c') === null) nameConversation(id);
}

interface Saying {
  explain: ReturnType<typeof useExplain>;
  t: (key: 'messageDeleted' | 'undo') => string;
}

/** Takes a message out with all that follows it, at once, and offers it back. */
async function removeMessage(
  client: QueryClient,
  conversationId: string,
  messageId: string,
  { explain, t }: Saying,
): Promise<void> {
  const messagesKey = keys.messages(conversationId);
  const conversationKey = keys.conversation(conversationId);
  await client.cancelQueries({ queryKey: messagesKey });
  const messages = client.getQueryData<Message[]>(messagesKey) ?? [];
  const conversation = client.getQueryData<Conversation>(conversationKey);
  const rest = without(messages, messageId);
  const parent = messages.find(({ id }) => id === messageId)?.parent_id;
  const leaf = parent ? leafBelow(buildTree(rest), parent) : (rest.at(-1)?.id ?? null);
  client.setQueryData(messagesKey, rest);
  patchConversation(client, conversationId, { active_leaf_id: leaf });
  try {
    const changed = await deleteMessage(conversationId, messageId);
    toast(t('messageDeleted'), {
      label: t('undo'),
      run: () => {
        restoreMessage(conversationId, messageId)
          .then((restored) => reveal(client, restored, messageId))
          .catch((error: unknown) => toastError(explain.error(error).title));
      },
    });
    await reveal(client, changed, null);
  } catch (error) {
    client.setQueryData(messagesKey, messages);
    client.setQueryData(conversationKey, conversation);
    toastError(explain.error(error).title);
    void client.invalidateQueries({ queryKey: messagesKey });
  }
}

/** What can be done in a conversation. The same object as long as that is the same. */
export function useChatActions(conversationId: string | null, tree: Tree) {
  const client = useQueryClient();
  const explain = useExplain();
  const t = useTranslations('chat');
  // What is asked later must not make every message on the page be built anew.
  const now = useRef({ explain, t, tree });
  useEffect(() => {
    now.current = { explain, t, tree };
  });
  return useMemo(() => {
    const fail = (error: unknown) => toastError(now.current.explain.error(error).title);
    return {
      ask: (question: {
        text: string;
        pictures: Picture[];
        model: string | null;
        parentId?: string | null;
      }) => ask(client, { ...question, conversationId, parentId: question.parentId }, onCreated),
      askAgain: (key: string) => askAgain(client, key, onCreated),
      discard,
      stop: (turnId: string) => void cancelTurn(turnId).catch(fail),
      regenerate: (turnId: string, model: string | null) => {
        if (conversationId) void regenerate(client, conversationId, turnId, model).catch(fail);
      },
      resume: (turnId: string) => {
        if (conversationId) void continueAnswer(client, conversationId, turnId).catch(fail);
      },
      show: (messageId: string) => {
        if (!conversationId) return;
        const leaf = leafBelow(now.current.tree, messageId);
        // Of a branch that was not read only its first message is known.
        if (leaf !== messageId) patchConversation(client, conversationId, { active_leaf_id: leaf });
        updateConversation(conversationId, { active_leaf_id: messageId })
          .then((changed) => reveal(client, changed, messageId))
          .catch((error: unknown) => {
            fail(error);
            // It may have been deleted elsewhere: what is known of here is old.
            void client.invalidateQueries({ queryKey: keys.conversation(conversationId) });
            void client.resetQueries({ queryKey: keys.messages(conversationId) });
          });
      },
      remove: (messageId: string) => {
        if (conversationId) void removeMessage(client, conversationId, messageId, now.current);
      },
    };
  }, [client, conversationId]);
}

export type ChatActions = ReturnType<typeof useChatActions>;
