'use client';

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { conversationQuery, defaultsQuery, updateConversation } from '@/features/conversations';
import { chooseModel, modelsQuery } from '@/features/models';
import type { Conversation, Message } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { newId } from '@/platform/ids';
import { keys } from '@/platform/query/keys';
import { nameConversation } from '@/platform/route';
import { readStored, writeStored } from '@/platform/storage';
import { toastError } from '@/ui/toast';
import { cancelTurn, messagesQuery, patchConversation, putMessages } from './api';
import {
  ask,
  askAgain,
  continueAnswer,
  discard,
  newOptions,
  outbox,
  queue,
  regenerate,
  runs,
  sendNext,
  sendQueued,
} from './engine';
import type { Run } from './fold';
import type { Outgoing, Picture } from './outbox';
import { closed } from './pairs';
import type { Queued } from './queue';
import { branch, buildTree, leafBelow, type Tree } from './tree';

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
    add: (question: {
      text: string;
      pictures: Picture[];
      model: string | null;
      compareModel: string | null;
    }) => {
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
  const leaf = conversation.data?.active_leaf_id ?? null;
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

/** Which model answers next, and how to choose another. */
export function useModel(conversation: Conversation | null): [string | null, (id: string) => void] {
  const client = useQueryClient();
  const explain = useExplain();
  const { data } = useQuery(modelsQuery);
  const isNew = conversation === null;
  const defaults = useQuery({ ...defaultsQuery, enabled: isNew });
  const [last, setLast] = useState(() => readStored('openmake.model'));
  // Chosen for the chat that is not begun: goes before what chats begin with.
  const [picked, setPicked] = useState<string | null>(null);
  if (!isNew && picked !== null) setPicked(null);
  // Until it is known, none is better than one that changes under one's eyes.
  const known = isNew && !defaults.isFetched ? [] : (data?.items ?? []);
  const model = chooseModel(known, [
    isNew ? picked : conversation.model,
    isNew ? defaults.data?.model : null,
    last,
    data?.default_model,
  ]);
  return [
    model ?? conversation?.model ?? null,
    (id) => {
      setLast(id);
      if (isNew) setPicked(id);
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

/** What can be done in a conversation. The same object as long as that is the same. */
export function useChatActions(conversationId: string | null, tree: Tree) {
  const client = useQueryClient();
  const explain = useExplain();
  // What is asked later must not make every message on the page be built anew.
  const now = useRef({ explain, tree });
  useEffect(() => {
    now.current = { explain, tree };
  });
  return useMemo(() => {
    const fail = (error: unknown) => toastError(now.current.explain.error(error).title);
    return {
      ask: (question: {
        text: string;
        pictures: Picture[];
        model: string | null;
        compareModel?: string | null;
        parentId?: string | null;
      }) =>
        ask(
          client,
          {
            ...question,
            compareModel: question.compareModel ?? null,
            options: conversationId === null ? newOptions.get() : null,
            conversationId,
            parentId: question.parentId,
          },
          onCreated,
        ),
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
        patchConversation(client, conversationId, { active_leaf_id: leaf });
        updateConversation(conversationId, { active_leaf_id: leaf }).catch(fail);
      },
      keep: (messageId: string) => {
        if (!conversationId) return;
        const messages = [...now.current.tree.byId.values()];
        putMessages(client, conversationId, closed(messages, messageId));
        patchConversation(client, conversationId, { active_leaf_id: messageId });
        updateConversation(conversationId, { kept_answer_id: messageId }).catch(
          (error: unknown) => {
            fail(error);
            void client.invalidateQueries({ queryKey: keys.messages(conversationId) });
            void client.invalidateQueries({ queryKey: keys.conversation(conversationId) });
          },
        );
      },
    };
  }, [client, conversationId]);
}

export type ChatActions = ReturnType<typeof useChatActions>;
