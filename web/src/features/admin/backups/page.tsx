'use client';

import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { DatabaseBackup } from 'lucide-react';
import { useFormatter, useTranslations } from 'use-intl';
import { AdminList, AdminPage, useAccounts } from '@/features/admin-frame';
import { call } from '@/platform/api/client';
import type { Backup } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { keys } from '@/platform/query/keys';
import { itemsOf, pagesQuery } from '@/platform/query/pages';
import { Badge } from '@/ui/badge';
import { Banner, Empty } from '@/ui/banner';
import { Button } from '@/ui/button';
import { Spinner } from '@/ui/spinner';

const backupsQuery = pagesQuery<Backup>(keys.backups, '/backups');
const requestBackup = () => call<Backup>('/backups', { method: 'POST' });

const WATCH_MS = 2_000;
const STATUS = {
  waiting: 'plain',
  running: 'accent',
  done: 'success',
  failed: 'danger',
} as const;
const REASONS = ['schedule', 'request', 'command'] as const;
const VERIFICATIONS = ['verified', 'skipped', 'failed'] as const;
const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

type Status = keyof typeof STATUS;

function statusOf(backup: Backup): Status {
  return backup.status in STATUS ? (backup.status as Status) : 'waiting';
}

const isUnderWay = (backup: Backup) => ['waiting', 'running'].includes(statusOf(backup));

function useSize(): (bytes: number) => string {
  const format = useFormatter();
  return (bytes) => {
    const at = bytes > 0 ? Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1) : 0;
    return format.number(bytes / 1000 ** at, {
      style: 'unit',
      unit: UNITS[at] ?? 'byte',
      maximumFractionDigits: at > 1 ? 1 : 0,
    });
  };
}

function BackupRow({ backup, by }: { backup: Backup; by: string | null }) {
  const t = useTranslations('admin.backups');
  const format = useFormatter();
  const size = useSize();
  const status = statusOf(backup);
  const reason = REASONS.find((known) => known === backup.reason) ?? 'command';
  const verification = VERIFICATIONS.find((known) => known === backup.verification);
  const facts = [
    by ? t('by', { name: by }) : t(`reason.${reason}`),
    backup.size != null && size(backup.size),
    backup.rows != null && t('rows', { count: backup.rows }),
    verification && t(`verification.${verification}`),
    status === 'done' && t(backup.has_key ? 'withKey' : 'withoutKey'),
  ].filter(Boolean);
  return (
    <li className="flex flex-col gap-1 py-4">
      <p className="flex flex-wrap items-center gap-2 font-medium text-sm">
        {format.dateTime(new Date(backup.created_at), { dateStyle: 'medium', timeStyle: 'short' })}
        <Badge kind={verification === 'failed' ? 'warning' : STATUS[status]}>
          {t(`status.${status}`)}
        </Badge>
        {isUnderWay(backup) && <Spinner className="size-3.5 text-accent-text" />}
      </p>
      {backup.file && <p className="break-all font-mono text-soft text-xs">{backup.file}</p>}
      <p className="text-muted text-xs">{facts.join(' · ')}</p>
      {backup.detail && (
        <p className={status === 'failed' ? 'text-danger text-sm' : 'text-soft text-sm'}>
          {backup.detail}
        </p>
      )}
    </li>
  );
}

function Backups() {
  const t = useTranslations('admin.backups');
  const explain = useExplain();
  const client = useQueryClient();
  const accounts = useAccounts();
  const list = useInfiniteQuery({
    ...backupsQuery,
    // One that is under way is watched until it ends.
    refetchInterval: ({ state }) => (itemsOf(state.data).some(isUnderWay) ? WATCH_MS : false),
  });
  const items = itemsOf(list.data);
  const last = items.find((backup) => !isUnderWay(backup));
  const request = useMutation({
    mutationFn: requestBackup,
    onSettled: () => client.invalidateQueries({ queryKey: keys.backups }),
  });
  const problem = request.error && explain.error(request.error);
  return (
    <section className="glass flex flex-col rounded-lg p-5 sm:p-6">
      <div className="flex flex-col gap-4 pb-2">
        {last?.status === 'failed' && <Banner kind="warning" title={t('lastFailed')} />}
        {problem && (
          <Banner kind="danger" title={problem.title}>
            {problem.detail}
          </Banner>
        )}
        <div className="flex flex-wrap items-center justify-between gap-3">
          <p className="min-w-0 flex-1 basis-64 text-muted text-sm">{t('where')}</p>
          <Button
            kind="primary"
            icon={<DatabaseBackup className="size-4" />}
            busy={request.isPending || items.some(isUnderWay)}
            onClick={() => request.mutate()}
          >
            {t('create')}
          </Button>
        </div>
      </div>
      <AdminList
        label={t('label')}
        query={list}
        count={items.length}
        empty={
          <Empty icon={<DatabaseBackup />} title={t('none')}>
            {t('noneHelp')}
          </Empty>
        }
      >
        {items.map((backup) => (
          <BackupRow
            key={backup.id}
            backup={backup}
            by={accounts.byId.get(backup.requested_by ?? '')?.display_name ?? null}
          />
        ))}
      </AdminList>
    </section>
  );
}

/** /admin/backups */
export function BackupsPage() {
  return (
    <AdminPage place="backups">
      <Backups />
    </AdminPage>
  );
}
