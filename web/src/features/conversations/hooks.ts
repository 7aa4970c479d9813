'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useTranslations } from 'use-intl';
import type { Conversation, ExportFormat, Page, UpdateConversation } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { saveFile } from '@/platform/files';
import { keys } from '@/platform/query/keys';
import { showConversation } from '@/platform/route';
import { toast, toastError } from '@/ui/toast';
import {
  deleteConversation,
  exportConversation,
  invalidateLists,
  restoreConversation,
  updateConversation,
} from './api';

interface Pages {
  pages: Page<Conversation>[];
  pageParams: unknown[];
}

/** A name for a file, from a title. */
function fileName(title: string): string {
  return (
    title
      .replace(/[\\/:*?"<>|\p{Cc}]+/gu, ' ')
      .trim()
      .slice(0, 80) || 'conversation'
  );
}

/** What can be done with a conversation (with none, nothing that may be asked for), shown at once and taken back on failure. */
export function useConversationActions(conversation: Conversation | null, shown: boolean) {
  const t = useTranslations('sidebar');
  const explain = useExplain();
  const client = useQueryClient();
  const fail = (error: unknown) => toastError(explain.error(error).title);

  function edit(id: string, change: (old: Conversation) => Conversation | null): void {
    client.setQueriesData<Pages>(
      { queryKey: keys.conversationLists },
      (old) =>
        old && {
          ...old,
          pages: old.pages.map((page) => ({
            ...page,
            items: page.items.flatMap((item) => {
              const next = item.id === id ? change(item) : item;
              return next === null ? [] : [next];
            }),
          })),
        },
    );
    client.setQueryData<Conversation>(keys.conversation(id), (old) => (old && change(old)) ?? old);
  }

  // Each names its conversation: another may be shown by the time of an undo.
  const refresh = () => invalidateLists(client);
  const update = useMutation({
    mutationFn: ({ id, change }: { id: string; change: UpdateConversation }) =>
      updateConversation(id, change),
    onMutate: ({ id, change }) =>
      edit(id, (old) =>
        change.archived !== undefined && change.archived !== null
          ? null
          : ({ ...old, ...change } as Conversation),
      ),
    onSuccess: (next, { id }) => client.setQueryData(keys.conversation(id), next),
    onError: fail,
    onSettled: refresh,
  });
  const restore = useMutation({
    mutationFn: (id: string) => restoreConversation(id),
    onError: fail,
    onSettled: (_restored, _error, id) =>
      Promise.all([refresh(), client.invalidateQueries({ queryKey: keys.conversation(id) })]),
  });
  const remove = useMutation({
    mutationFn: ({ id }: { id: string; shown: boolean }) => deleteConversation(id),
    onMutate: ({ id }) => {
      // Its own change comes back over the socket: what is deleted is not asked for.
      client.setQueryData<Conversation>(
        keys.conversation(id),
        (known) => known && { ...known, deleted_at: known.updated_at },
      );
      return edit(id, () => null);
    },
    onSuccess: (_nothing, { id, shown: wasShown }) => {
      toast(t('deleted'), { label: t('undo'), run: () => restore.mutate(id) });
      if (wasShown) showConversation(null);
    },
    onError: fail,
    onSettled: refresh,
  });
  const save = useMutation({
    mutationFn: async ({ of, format }: { of: Conversation; format: ExportFormat }) => {
      const extension = format === 'json' ? 'json' : 'md';
      saveFile(await exportConversation(of.id, format), `${fileName(of.title)}.${extension}`);
    },
    onError: fail,
  });

  const change = (next: UpdateConversation) => {
    if (conversation) update.mutate({ id: conversation.id, change: next });
  };
  return {
    rename: (title: string) => change({ title }),
    pin: () => change({ pinned: !conversation?.pinned }),
    archive: () => {
      if (!conversation) return;
      const { id, archived } = conversation;
      update.mutate({ id, change: { archived: !archived } });
      if (archived) return;
      toast(t('archived'), {
        label: t('undo'),
        run: () => update.mutate({ id, change: { archived: false } }),
      });
    },
    remove: () => conversation && remove.mutate({ id: conversation.id, shown }),
    restore: () => conversation && restore.mutate(conversation.id),
    save: (format: ExportFormat) => conversation && save.mutate({ of: conversation, format }),
  };
}
