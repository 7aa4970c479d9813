'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useTranslations } from 'use-intl';
import type { ExportFormat } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { saveFile } from '@/platform/files';
import { toast, toastError } from '@/ui/toast';
import {
  deleteConversation,
  exportConversation,
  invalidateLists,
  restoreConversation,
  updateConversation,
} from './api';
import { inTurns } from './in-turns';

/** What can be done with many conversations. */
export type Act = 'archive' | 'unarchive' | 'delete' | 'restore';

const ACTS: Record<Act, (id: string) => Promise<unknown>> = {
  archive: (id) => updateConversation(id, { archived: true }),
  unarchive: (id) => updateConversation(id, { archived: false }),
  delete: deleteConversation,
  restore: restoreConversation,
};
const OPPOSITE: Record<Act, Act> = {
  archive: 'unarchive',
  unarchive: 'archive',
  delete: 'restore',
  restore: 'delete',
};

async function inOneFile(ids: readonly string[], format: ExportFormat) {
  const outcome = await inTurns(ids, async (id) => (await exportConversation(id, format)).text());
  const texts = new Map(outcome.done.map(({ id, result }) => [id, result]));
  // As they stand in the list, not as they came.
  const ordered = ids.flatMap((id) => texts.get(id) ?? []);
  const whole = format === 'json' ? `[\n${ordered.join(',\n')}\n]\n` : ordered.join('\n\n---\n\n');
  return { ...outcome, whole };
}

/** Does one thing with many conversations, and can take it back. */
export function useBulk(onDone: (changed: readonly string[], what: Act) => void) {
  const t = useTranslations('history');
  const sidebar = useTranslations('sidebar');
  const explain = useExplain();
  const client = useQueryClient();

  const failed = (count: number, error: unknown) =>
    toastError(t('failed', { count, why: explain.error(error).title }));

  const act = useMutation({
    mutationFn: async ({ ids, what }: { ids: readonly string[]; what: Act; undone?: true }) =>
      inTurns(ids, ACTS[what]),
    onSuccess: ({ done, error }, { ids, what, undone }) => {
      const changed = done.map(({ id }) => id);
      if (changed.length > 0 && !undone) {
        toast(t(`did.${what}`, { count: changed.length }), {
          label: sidebar('undo'),
          run: () => act.mutate({ ids: changed, what: OPPOSITE[what], undone: true }),
        });
      }
      if (changed.length < ids.length) failed(ids.length - changed.length, error);
      if (!undone) onDone(changed, what);
    },
    onSettled: () => invalidateLists(client),
  });

  const save = useMutation({
    mutationFn: ({ ids, format }: { ids: readonly string[]; format: ExportFormat }) =>
      inOneFile(ids, format),
    onSuccess: ({ done, error, whole }, { ids, format }) => {
      if (done.length > 0) {
        const json = format === 'json';
        const type = json ? 'application/json' : 'text/markdown';
        const day = new Date().toISOString().slice(0, 10);
        saveFile(new Blob([whole], { type }), `conversations-${day}.${json ? 'json' : 'md'}`);
      }
      if (done.length < ids.length) failed(ids.length - done.length, error);
    },
  });

  return {
    busy: act.isPending || save.isPending,
    run: (ids: readonly string[], what: Act) => act.mutate({ ids, what }),
    save: (ids: readonly string[], format: ExportFormat) => save.mutate({ ids, format }),
  };
}
