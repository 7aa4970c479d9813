'use client';

import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useFormatter, useTranslations } from 'use-intl';
import { nodesQuery } from '@/features/nodes';
import type { SystemHealth } from '@/platform/api/types';
import { Badge } from '@/ui/badge';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

type State = 'success' | 'warning' | 'danger';

function Card({
  name,
  state,
  word,
  children,
}: {
  name: string;
  state: State;
  word: string;
  children: ReactNode;
}) {
  return (
    <div className="glass flex min-w-0 flex-col gap-1 rounded-lg p-4">
      <dt className="flex flex-wrap items-center justify-between gap-2 text-muted text-sm">
        {name}
        <Badge kind={state}>{word}</Badge>
      </dt>
      <dd className="text-sm">{children}</dd>
    </div>
  );
}

function useUptime() {
  const t = useTranslations('metrics');
  return (seconds: number) => {
    if (seconds >= 2 * DAY) return t('days', { count: Math.floor(seconds / DAY) });
    if (seconds >= 2 * HOUR) return t('hours', { count: Math.floor(seconds / HOUR) });
    return t('minutes', { count: Math.floor(seconds / MINUTE) });
  };
}

function Backups({ health }: { health: SystemHealth }) {
  const t = useTranslations('metrics');
  const format = useFormatter();
  const { last_backup: last, backups_configured: configured } = health;
  if (!configured || !last) {
    return (
      <Card name={t('backups')} state="warning" word={t('missing')}>
        {configured ? t('noBackupYet') : t('noBackups')}
      </Card>
    );
  }
  const failed = last.status === 'failed';
  const when = format.dateTime(new Date(last.at), { dateStyle: 'medium', timeStyle: 'short' });
  return (
    <Card
      name={t('backups')}
      state={failed ? 'danger' : 'success'}
      word={failed ? t('failing') : t('good')}
    >
      {last.verified
        ? t('backupVerified', { when })
        : t(failed ? 'backupFailed' : 'backupAt', { when })}
    </Card>
  );
}

function Nodes() {
  const t = useTranslations('metrics');
  const { data } = useQuery(nodesQuery);
  const used = data?.items.filter(({ enabled, draining }) => enabled && !draining);
  const ready = used?.filter(({ health }) => health === 'healthy').length ?? 0;
  const all = used?.length ?? 0;
  if (!used) {
    return (
      <Card name={t('nodes')} state="warning" word={t('unknown')}>
        …
      </Card>
    );
  }
  const state = all === 0 || ready === 0 ? 'danger' : ready < all ? 'warning' : 'success';
  const word = { success: t('good'), warning: t('partly'), danger: t('failing') }[state];
  return (
    <Card name={t('nodes')} state={state} word={word}>
      {all === 0 ? t('noNodes') : t('nodesReady', { ready, all })}
    </Card>
  );
}

/** How things are now. */
export function Health({ health }: { health: SystemHealth }) {
  const t = useTranslations('metrics');
  const format = useFormatter();
  const uptime = useUptime();
  const used = health.database_connections / Math.max(health.database_connections_max, 1);
  const tight = used > 0.9 || health.database_ms > 250;
  return (
    <section aria-labelledby="metrics-now">
      <h2 id="metrics-now" className="sr-only">
        {t('now')}
      </h2>
      <dl className="grid gap-3 sm:grid-cols-2">
        <Card name={t('server')} state="success" word={t('processes', { count: health.processes })}>
          {t('serverFacts', { version: health.version, uptime: uptime(health.uptime_seconds) })}
        </Card>
        <Card
          name={t('database')}
          state={tight ? 'warning' : 'success'}
          word={tight ? t('slow') : t('good')}
        >
          {t('databaseFacts', {
            ms: format.number(health.database_ms, { maximumFractionDigits: 1 }),
            used: health.database_connections,
            most: health.database_connections_max,
          })}
        </Card>
        <Nodes />
        <Backups health={health} />
      </dl>
    </section>
  );
}
