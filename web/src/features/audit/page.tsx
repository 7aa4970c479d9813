'use client';

import { useInfiniteQuery } from '@tanstack/react-query';
import { RefreshCw, ScrollText } from 'lucide-react';
import { useSearchParams } from 'next/navigation';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { AdminList, AdminPage, useAccounts } from '@/features/admin-frame';
import type { AuditEntry } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';
import { itemsOf, pagesQuery } from '@/platform/query/pages';
import { replaceQuery } from '@/platform/route';
import { Empty } from '@/ui/banner';
import { Button } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { SelectField } from '@/ui/field';
import { ACTIONS } from './actions';
import { EntryDetail, EntryRow } from './entry';

const auditQuery = (filter: { action: string | null; user_id: string | null }) =>
  pagesQuery<AuditEntry>(keys.audit(filter), '/audit', { query: filter });

function Trail() {
  const t = useTranslations('audit');
  const common = useTranslations('common');
  const asked = useSearchParams();
  const action = asked.get('action');
  const user = asked.get('user');
  const accounts = useAccounts();
  const list = useInfiniteQuery(auditQuery({ action, user_id: user }));
  const items = itemsOf(list.data);
  const [shown, setShown] = useState<AuditEntry | null>(null);
  const filtered = action !== null || user !== null;
  return (
    <section className="glass flex flex-col rounded-lg p-5 sm:p-6">
      <div className="grid items-end gap-3 pb-4 sm:grid-cols-[1fr_1fr_auto]">
        <SelectField
          label={t('action')}
          value={action ?? ''}
          onChange={(event) => replaceQuery({ action: event.target.value || null })}
        >
          <option value="">{t('everything')}</option>
          {action !== null && !ACTIONS.some((known) => known === action) && (
            <option value={action}>{action}</option>
          )}
          {ACTIONS.map((known) => (
            <option key={known} value={known}>
              {known}
            </option>
          ))}
        </SelectField>
        <SelectField
          label={t('who')}
          value={user ?? ''}
          onChange={(event) => replaceQuery({ user: event.target.value || null })}
        >
          <option value="">{t('everyone')}</option>
          {user !== null && !accounts.byId.has(user) && (
            <option value={user}>{t('unknownAccount')}</option>
          )}
          {accounts.all.map(({ id, display_name, email }) => (
            <option key={id} value={id}>
              {email ? `${display_name} (${email})` : display_name}
            </option>
          ))}
        </SelectField>
        <Button
          className="h-11"
          icon={<RefreshCw className="size-4" />}
          busy={list.isRefetching && !list.isFetchingNextPage}
          onClick={() => void list.refetch()}
        >
          {t('refresh')}
        </Button>
      </div>
      <AdminList
        label={t('label')}
        query={list}
        count={items.length}
        empty={
          <Empty icon={<ScrollText />} title={filtered ? t('noneFound') : t('none')}>
            {filtered && (
              <Button size="sm" onClick={() => replaceQuery({ action: null, user: null })}>
                {t('showAll')}
              </Button>
            )}
          </Empty>
        }
      >
        {items.map((entry) => (
          <EntryRow
            key={entry.id}
            entry={entry}
            names={accounts.byId}
            onOpen={() => setShown(entry)}
          />
        ))}
      </AdminList>
      <Dialog
        open={shown !== null}
        onOpenChange={(open) => !open && setShown(null)}
        title={shown?.action ?? ''}
        closeLabel={common('close')}
      >
        {shown && <EntryDetail entry={shown} names={accounts.byId} />}
      </Dialog>
    </section>
  );
}

/** /audit */
export function AuditPage() {
  return (
    <AdminPage place="audit">
      <Trail />
    </AdminPage>
  );
}
