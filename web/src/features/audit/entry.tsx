'use client';

import { ChevronRight } from 'lucide-react';
import type { ReactNode } from 'react';
import { useFormatter, useTranslations } from 'use-intl';
import type { Account, AuditEntry } from '@/platform/api/types';
import { Badge } from '@/ui/badge';
import { Button } from '@/ui/button';
import { outcomeOf } from './actions';
import { useActionName, useKindName } from './filter-bar';

type Names = ReadonlyMap<string, Account>;

/** One line of the trail; its button shows the rest. */
export function EntryRow({
  entry,
  names,
  onOpen,
}: {
  entry: AuditEntry;
  names: Names;
  onOpen: () => void;
}) {
  const t = useTranslations('audit');
  const format = useFormatter();
  const actionName = useActionName();
  const { outcome, kind } = outcomeOf(entry.outcome);
  const who = entry.user_id ? names.get(entry.user_id)?.display_name : null;
  return (
    <li>
      <button
        type="button"
        onClick={onOpen}
        className="flex w-full items-center gap-3 rounded-sm px-2 py-3 text-start hover:bg-hover"
      >
        <span className="min-w-0 flex-1">
          <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
            <span className="break-words text-sm">{actionName(entry.action)}</span>
            {outcome !== 'success' && <Badge kind={kind}>{t(`outcome.${outcome}`)}</Badge>}
          </span>
          <span className="mt-0.5 block truncate text-muted text-xs">
            {[who ?? (entry.user_id ? t('unknownAccount') : t('nobody')), entry.ip_address]
              .filter(Boolean)
              .join(' · ')}
          </span>
        </span>
        <time dateTime={entry.timestamp} className="shrink-0 text-end text-muted text-xs">
          {format.dateTime(new Date(entry.timestamp), {
            dateStyle: 'short',
            timeStyle: 'medium',
          })}
        </time>
        <ChevronRight className="size-4 shrink-0 text-muted" />
      </button>
    </li>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="grid gap-x-4 gap-y-0.5 sm:grid-cols-[8rem_1fr]">
      <dt className="text-muted text-sm">{name}</dt>
      <dd className="min-w-0 break-words text-sm">{children}</dd>
    </div>
  );
}

/** All that one entry says. */
export function EntryDetail({
  entry,
  names,
  onOnlyThing,
}: {
  entry: AuditEntry;
  names: Names;
  onOnlyThing: () => void;
}) {
  const t = useTranslations('audit');
  const kindName = useKindName();
  const format = useFormatter();
  const { outcome, kind } = outcomeOf(entry.outcome);
  const account = entry.user_id ? names.get(entry.user_id) : undefined;
  const details = JSON.stringify(entry.details, null, 2);
  return (
    <dl className="flex flex-col gap-3">
      <Fact name={t('when')}>
        {format.dateTime(new Date(entry.timestamp), { dateStyle: 'full', timeStyle: 'long' })}
      </Fact>
      <Fact name={t('action')}>
        <span className="font-mono text-xs">{entry.action}</span>
      </Fact>
      <Fact name={t('outcomeLabel')}>
        <Badge kind={kind}>{t(`outcome.${outcome}`)}</Badge>
      </Fact>
      <Fact name={t('who')}>
        {account ? (
          <>
            {account.display_name}
            {account.email && <span className="block text-muted">{account.email}</span>}
          </>
        ) : entry.user_id ? (
          <>
            {t('unknownAccount')}
            <span className="block font-mono text-muted text-xs">{entry.user_id}</span>
          </>
        ) : (
          t('nobody')
        )}
      </Fact>
      {entry.resource_type && (
        <Fact name={t('what')}>
          {kindName(entry.resource_type)}
          {entry.resource_id && (
            <>
              <span className="block font-mono text-muted text-xs">{entry.resource_id}</span>
              <Button size="sm" className="mt-2" onClick={onOnlyThing}>
                {t('allOfThing')}
              </Button>
            </>
          )}
        </Fact>
      )}
      {entry.ip_address && <Fact name={t('where')}>{entry.ip_address}</Fact>}
      {entry.user_agent && <Fact name={t('with')}>{entry.user_agent}</Fact>}
      {entry.request_id && (
        <Fact name={t('request')}>
          <span className="font-mono text-xs">{entry.request_id}</span>
        </Fact>
      )}
      {details !== '{}' && details !== 'null' && (
        <Fact name={t('details')}>
          <pre className="whitespace-pre-wrap break-words rounded-md border border-line bg-code p-3 font-mono text-xs">
            {details}
          </pre>
        </Fact>
      )}
    </dl>
  );
}
