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
  const id = conversation?.id ?? '';
  const fail = (error: unknown) => toastError(explain.error(error).title);

  function edit(change: (old: Conversation) => Conversation | null): void {
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

  const refresh = () => invalidateLists(client);
  const update = useMutation({
    mutationFn: (change: UpdateConversation) => updateConversation(id, change),
    onMutate: (change) =>
      edit((old) =>
        change.archived !== undefined && change.archived !== null
          ? null
          : ({ ...old, ...change } as Conversation),
      ),
    onSuccess: (next) => client.setQueryData(keys.conversation(id), next),
    onError: fail,
    onSettled: refresh,
  });
  const restore = useMutation({
    mutationFn: () => restoreConversation(id),
    onError: fail,
    onSettled: () =>
      Promise.all([refresh(), client.invalidateQueries({ queryKey: keys.conversation(id) })]),
  });
  const remove = useMutation({
    mutationFn: () => deleteConversation(id),
    onMutate: () => {
      // Its own change comes back over the socket: what is deleted is not asked for.
      client.setQueryData<Conversation>(
        keys.conversation(id),
        (known) => known && { ...known, deleted_at: known.updated_at },
      );
      return edit(() => null);
    },
    onSuccess: () => {
      toast(t('deleted'), { label: t('undo'), run: () => restore.mutate() });
      if (shown) showConversation(null);
    },
    onError: fail,
    onSettled: refresh,
  });
  const save = useMutation({
    mutationFn: async (format: ExportFormat) => {
      const extension = format === 'json' ? 'json' : 'md';
      saveFile(
        await exportConversation(id, format),
        `${fileName(conversation?.title ?? '')}.${extension}`,
      );
    },
    onError: fail,
  });

  return {
    rename: (title: string) => update.mutate({ title }),
    pin: () => update.mutate({ pinned: !conversation?.pinned }),
    archive: () => {
      const archived = !conversation?.archived;
      update.mutate({ archived });
      if (archived) {
        toast(t('archived'), {
          label: t('undo'),
          run: () => update.mutate({ archived: false }),
        });
      }
    },
    remove: () => remove.mutate(),
    restore: () => restore.mutate(),
    save: (format: ExportFormat) => save.mutate(format),
  };
}
