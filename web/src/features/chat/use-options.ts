'use client';

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, useSyncExternalStore } from 'react';
import { defaultsQuery, updateConversation } from '@/features/conversations';
import type { Conversation } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';
import { newOptions } from './engine';
import { levelOf, type Options } from './options';

/** How the questions of a conversation are asked, and how to change that. */
export interface ChatOptions {
  options: Options;
  /** Fails as the server does. */
  save: (options: Options) => Promise<void>;
}

/** The options of a conversation; without one, of the one that will begin. */
export function useOptions(id: string | null, conversation: Conversation | null): ChatOptions {
  const client = useQueryClient();
  const chosen = useSyncExternalStore(newOptions.subscribe, newOptions.get, () => null);
  const { data: defaults } = useQuery({ ...defaultsQuery, enabled: id === null });
  if (id !== null) {
    return {
      options: {
        thinking: levelOf(conversation?.thinking),
        temperature: conversation?.temperature ?? null,
        instructions: conversation?.instructions ?? null,
      },
      save: async (options) => {
        client.setQueryData(keys.conversation(id), await updateConversation(id, { ...options }));
      },
    };
  }
  const usual = defaults?.instructions ?? null;
  return {
    options: {
      thinking: chosen?.thinking ?? null,
      temperature: chosen?.temperature ?? null,
      instructions: chosen?.instructions === undefined ? usual : chosen.instructions,
    },
    save: async ({ instructions, ...options }) => {
      // What is the default stays it, whatever it becomes until the chat begins.
      newOptions.set({ ...options, ...(instructions === usual ? {} : { instructions }) });
    },
  };
}

/** The second model of the next question in a conversation. */
export function useCompared(
  id: string | null,
  model: string | null,
): [string | null, (model: string | null) => void] {
  const [state, setState] = useState<{ id: string | null; model: string | null }>({
    id,
    model: null,
  });
  if (state.id !== id) setState({ id, model: null });
  return [
    state.id === id && state.model !== model ? state.model : null,
    (next) => setState({ id, model: next }),
  ];
}
