'use client';

import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { MessageSquareDashed, SearchX } from 'lucide-react';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import {
  conversationsQuery,
  groupConversations,
  searchQuery,
  useBulk,
} from '@/features/conversations';
import { useExplain } from '@/platform/errors';
import { Banner, Empty } from '@/ui/banner';
import { Button } from '@/ui/button';
import { cx } from '@/ui/cx';
import { BulkBar } from './bulk-bar';
import { type HistoryView, narrowingOf } from './filter';
import { HistoryRow, type Row } from './rows';

/** How many a search shows, and how many it can show. */
const FOUND = 50;
const MOST_FOUND = 200;

function Loading() {
  return (
    <div aria-hidden="true" className="flex flex-col gap-6 px-3 py-4">
      {['w-1/2', 'w-2/3', 'w-2/5', 'w-3/5', 'w-1/2'].map((width, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the bars never change
        <div key={at} className={cx('h-5 animate-pulse-soft rounded-xs bg-hover', width)} />
      ))}
    </div>
  );
}

function Failed({ error, onRetry }: { error: Error; onRetry: () => void }) {
  const common = useTranslations('common');
  const explain = useExplain();
  return (
    <Banner
      kind="danger"
      title={explain.error(error).title}
      action={
        <Button size="sm" onClick={onRetry}>
          {common('retry')}
        </Button>
      }
    >
      {explain.error(error).detail}
    </Banner>
  );
}

function Rows({ sections }: { sections: { heading: string | null; rows: Row[] }[] }) {
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const bulk = useBulk(() => setPicked(new Set()));
  const rows = sections.flatMap((section) => section.rows);
  // What left the list is not chosen any more.
  const chosen = rows.filter(({ conversation }) => picked.has(conversation.id));
  const ids = chosen.map(({ conversation }) => conversation.id);

  function choose(id: string, on: boolean) {
    const next = new Set(picked);
    if (on) next.add(id);
    else next.delete(id);
    setPicked(next);
  }

  return (
    <>
      <BulkBar
        rows={rows}
        chosen={chosen}
        busy={bulk.busy}
        onChooseAll={(all) =>
          setPicked(new Set(all ? rows.map(({ conversation }) => conversation.id) : []))
        }
        onAct={(act) => bulk.run(ids, act)}
        onSave={(format) => bulk.save(ids, format)}
      />
      {sections.map(({ heading, rows: part }) => (
        <div key={heading}>
          {heading && (
            <h2 className="px-3 pt-1 pb-1.5 font-medium text-muted text-xs">{heading}</h2>
          )}
          <ul className="flex flex-col gap-0.5">
            {part.map((row) => (
              <HistoryRow
                key={row.conversation.id}
                row={row}
                chosen={picked.has(row.conversation.id)}
                onChoose={(on) => choose(row.conversation.id, on)}
              />
            ))}
          </ul>
        </div>
      ))}
    </>
  );
}

/** The conversations of one list, by day; of a part of it in its order. */
export function Listed({ view }: { view: HistoryView }) {
  const { filter } = view;
  const narrowing = narrowingOf(view);
  const whole = Object.keys(narrowing).length === 0;
  const t = useTranslations('history');
  const lists = useTranslations('lists');
  const sidebar = useTranslations('sidebar');
  const list = useInfiniteQuery(conversationsQuery(filter, narrowing));
  if (list.isPending) return <Loading />;
  if (list.error && !list.data) {
    return <Failed error={list.error} onRetry={() => void list.refetch()} />;
  }
  const conversations = list.data.pages.flatMap(({ items }) => items);
  if (conversations.length === 0 && (view.pinned || view.from !== '' || view.to !== '')) {
    return (
      <Empty icon={<SearchX />} title={lists('nothing')}>
        {lists('nothingHelp')}
      </Empty>
    );
  }
  if (conversations.length === 0) {
    return (
      <Empty icon={<MessageSquareDashed />} title={t(`empty.${filter}`)}>
        {filter === 'deleted' && t('deletedHelp')}
      </Empty>
    );
  }
  const groups = whole
    ? groupConversations(conversations, new Date())
    : [{ group: null, items: [...new Map(conversations.map((one) => [one.id, one])).values()] }];
  const sections = groups.map(({ group, items }) => ({
    heading: group && sidebar(`group.${group}`),
    rows: items.map((conversation) => ({ conversation, excerpts: [] })),
  }));
  return (
    <>
      {filter === 'deleted' && <p className="text-muted text-sm">{t('deletedHelp')}</p>}
      <Rows key={`${filter} ${JSON.stringify(narrowing)}`} sections={sections} />
      {list.isFetchNextPageError && (
        <Failed error={list.error} onRetry={() => void list.fetchNextPage()} />
      )}
      {list.hasNextPage && !list.isFetchNextPageError && (
        <Button
          className="self-center"
          busy={list.isFetchingNextPage}
          onClick={() => void list.fetchNextPage()}
        >
          {t('more')}
        </Button>
      )}
    </>
  );
}

/** What a search found, best first. */
export function Found({ text }: { text: string }) {
  const t = useTranslations('history');
  const sidebar = useTranslations('sidebar');
  const [limit, setLimit] = useState(FOUND);
  const search = useQuery(searchQuery(text, limit));
  if (search.error) return <Failed error={search.error} onRetry={() => void search.refetch()} />;
  if (!search.data) return <Loading />;
  const { items } = search.data;
  if (items.length === 0) {
    return (
      <Empty icon={<SearchX />} title={sidebar('nothingFound')}>
        {sidebar('nothingFoundHelp')}
      </Empty>
    );
  }
  return (
    <div
      aria-busy={search.isPlaceholderData}
      className={cx('flex flex-col gap-4', search.isPlaceholderData && 'opacity-60')}
    >
      <p role="status" className="text-muted text-sm">
        {sidebar('found', { count: items.length })}
      </p>
      <Rows sections={[{ heading: null, rows: items }]} />
      {items.length >= limit &&
        (limit < MOST_FOUND ? (
          <Button
            className="self-center"
            busy={search.isFetching}
            onClick={() => setLimit(MOST_FOUND)}
          >
            {t('more')}
          </Button>
        ) : (
          <p className="text-center text-muted text-sm">{t('tooMany')}</p>
        ))}
    </div>
  );
}
