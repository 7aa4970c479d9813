'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { FileDown, Undo2 } from 'lucide-react';
import { useState } from 'react';
import { useFormatter, useNow, useTranslations } from 'use-intl';
import type { Import } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { saveFile } from '@/platform/files';
import { keys } from '@/platform/query/keys';
import { Badge } from '@/ui/badge';
import { Button } from '@/ui/button';
import { ConfirmDialog } from '@/ui/dialog';
import { toast } from '@/ui/toast';
import { importReport, undoImport } from './api';
import { notesOf } from './notes';
import { showImport } from './sending';

const KINDS = { done: 'success', failed: 'danger', cancelled: 'plain' } as const;

const count = (job: Import, table: string, what: 'written' | 'skipped') =>
  job.summary?.tables?.[table]?.[what] ?? 0;

function Notes({ job }: { job: Import }) {
  const t = useTranslations('imports');
  const notes = notesOf(job);
  if (notes.length === 0) return null;
  return (
    <details className="text-sm">
      <summary className="w-fit cursor-pointer text-accent-text">{t('notes')}</summary>
      <ul className="mt-2 flex list-disc flex-col gap-1 ps-5 text-soft">
        {notes.map(({ name, amount }) => (
          <li key={name}>{t(`note.${name}`, { count: amount })}</li>
        ))}
      </ul>
    </details>
  );
}

/** An import that is over, and what can be done about it. */
export function Ended({ job }: { job: Import }) {
  const t = useTranslations('imports');
  const common = useTranslations('common');
  const format = useFormatter();
  const now = useNow();
  const explain = useExplain();
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const failed = (error: Error) => toast(explain.error(error).title);
  const undo = useMutation({
    mutationFn: () => undoImport(job.id),
    onSuccess: async (after) => {
      showImport(after);
      toast(t('undone', { count: after.undone ?? 0 }));
      await client.invalidateQueries({ queryKey: keys.conversationLists });
    },
    onError: failed,
  });
  const report = useMutation({
    mutationFn: () => importReport(job.id),
    onSuccess: (file) => saveFile(file, 'openmake-import.json'),
    onError: failed,
  });
  const brought = count(job, 'conversations', 'written');
  const known = count(job, 'conversations', 'skipped');
  // A file that could not be read at all has nothing to tell of.
  const hasRows = Object.keys(job.summary?.tables ?? {}).length > 0;
  const error = job.error_code && explainedFailure(job.error_code);
  return (
    <li className="flex flex-col gap-2 py-4 first:pt-0 last:pb-0">
      <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
        <Badge kind={KINDS[job.status as keyof typeof KINDS]}>
          {t(`ended.${job.status as 'done'}`)}
        </Badge>
        <span className="min-w-0 break-all font-medium text-sm">{job.file_name}</span>
        <span className="text-muted text-sm">
          {format.relativeTime(new Date(job.finished_at ?? job.created_at), now)}
        </span>
      </div>
      {error && <p className="text-danger text-sm">{t(`failure.${error}`)}</p>}
      {hasRows && (
        <p className="text-soft text-sm">
          {t('brought', { conversations: brought, messages: count(job, 'messages', 'written') })}
          {known > 0 && ` ${t('known', { count: known })}`}
          {typeof job.undone === 'number' && ` ${t('undone', { count: job.undone })}`}
        </p>
      )}
      <Notes job={job} />
      {hasRows && (
        <div className="flex flex-wrap gap-2">
          <Button
            size="sm"
            icon={<FileDown className="size-4" />}
            busy={report.isPending}
            onClick={() => report.mutate()}
          >
            {t('report')}
          </Button>
          {brought > 0 && typeof job.undone !== 'number' && (
            <Button
              size="sm"
              kind="quiet"
              icon={<Undo2 className="size-4" />}
              busy={undo.isPending}
              onClick={() => setAsking(true)}
            >
              {t('undo')}
            </Button>
          )}
        </div>
      )}
      <ConfirmDialog
        open={asking}
        onOpenChange={setAsking}
        title={t('undoTitle')}
        description={t('undoWarning')}
        closeLabel={common('close')}
        cancelLabel={common('cancel')}
        confirmLabel={t('undo')}
        onConfirm={() => undo.mutate()}
      />
    </li>
  );
}

const FAILURES = [
  'import_not_an_export',
  'import_damaged',
  'import_too_large',
  'import_database_unreadable',
  'import_not_yours',
  'import_upload_expired',
] as const;

/** The text of a failure; what nobody can do anything about has one for all. */
function explainedFailure(code: string): (typeof FAILURES)[number] | 'other' {
  return FAILURES.find((known) => known === code) ?? 'other';
}
