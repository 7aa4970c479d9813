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
import { EntryDetail, EntryRow } from './entry';
import { FilterBar, showAll, useActionName } from './filter-bar';
import { type Filters, filtersOf, queryOf } from './filters';
import { Proof } from './proof';

const auditQuery = (filter: Record<string, string | null>) =>
  pagesQuery<AuditEntry>(keys.audit(filter), '/audit', { query: filter });

function Trail({ filters }: { filters: Filters }) {
  const t = useTranslations('audit');
  const common = useTranslations('common');
  const actionName = useActionName();
  const accounts = useAccounts();
  const list = useInfiniteQuery(auditQuery(queryOf(filters)));
  const items = itemsOf(list.data);
  const [shown, setShown] = useState<AuditEntry | null>(null);
  const filtered = Object.values(filters).some((value) => value !== null);

  function onlyThing({ resource_type, resource_id }: AuditEntry) {
    setShown(null);
    replaceQuery({ kind: resource_type ?? null, thing: resource_id ?? null });
  }

  return (
    <section className="glass flex flex-col rounded-lg p-5 sm:p-6">
      <FilterBar filters={filters} />
      <div className="flex flex-wrap gap-2 pb-3">
        <Button
          size="sm"
          icon={<RefreshCw className="size-4" />}
          busy={list.isRefetching && !list.isFetchingNextPage}
          onClick={() => void list.refetch()}
        >
          {t('refresh')}
        </Button>
        {filtered && (
          <Button size="sm" kind="quiet" onClick={showAll}>
            {t('showAll')}
          </Button>
        )}
      </div>
      <AdminList
        label={t('label')}
        query={list}
        count={items.length}
        empty={<Empty icon={<ScrollText />} title={filtered ? t('noneFound') : t('none')} />}
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
        title={shown ? actionName(shown.action) : ''}
        closeLabel={common('close')}
      >
        {shown && (
          <EntryDetail entry={shown} names={accounts.byId} onOnlyThing={() => onlyThing(shown)} />
        )}
      </Dialog>
    </section>
  );
}

function Audit() {
  const filters = filtersOf(useSearchParams());
  return (
    <>
      <Trail filters={filters} />
      <Proof filters={filters} />
    </>
  );
}

/** /audit */
export function AuditPage() {
  return (
    <AdminPage place="audit">
      <Audit />
    </AdminPage>
  );
}
