'use client';

import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { MessageSquareDashed, SearchX } from 'lucide-react';
import { useDeferredValue, useEffect, useRef, useState } from 'react';
import { useTranslations } from 'use-intl';
import type { ConversationFilter, Excerpt, SearchHit } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { ConversationLink, useConversationId } from '@/platform/route';
import { Banner, Empty } from '@/ui/banner';
import { Button } from '@/ui/button';
import { cx } from '@/ui/cx';
import { conversationsQuery, searchQuery } from './api';
import { groupConversations, highlighted } from './model';
import { ConversationRow } from './row';
import { ChoiceRow, type Selection } from './selection';

function Skeleton() {
  return (
    <div aria-hidden="true" className="flex flex-col gap-3 px-2.5 py-3">
      {['w-3/4', 'w-1/2', 'w-5/6', 'w-2/3'].map((width) => (
        <div key={width} className={cx('h-4 animate-pulse-soft rounded-xs bg-hover', width)} />
      ))}
    </div>
  );
}

/** Conversations by day, more of them as one scrolls. */
export function ConversationList({
  filter,
  selection,
  onOpen,
}: {
  filter: ConversationFilter;
  /** While conversations are being chosen. */
  selection: Selection | null;
  onOpen: () => void;
}) {
  const t = useTranslations('sidebar');
  const common = useTranslations('common');
  const explain = useExplain();
  const current = useConversationId();
  const list = useInfiniteQuery(conversationsQuery(filter));
  const end = useRef<HTMLDivElement>(null);
  const { hasNextPage, fetchNextPage } = list;

  useEffect(() => {
    const element = end.current;
    if (!element || !hasNextPage) return;
    const observer = new IntersectionObserver(([entry]) => {
      if (entry?.isIntersecting) void fetchNextPage();
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [hasNextPage, fetchNextPage]);

  if (list.isPending) return <Skeleton />;
  if (list.error && !list.data) {
    return (
      <div className="p-2">
        <Banner
          kind="danger"
          title={explain.error(list.error).title}
          action={
            <Button size="sm" onClick={() => void list.refetch()}>
              {common('retry')}
            </Button>
          }
        />
      </div>
    );
  }
  const groups = groupConversations(
    list.data.pages.flatMap(({ items }) => items),
    new Date(),
  );
  if (groups.length === 0) {
    return (
      <Empty
        icon={<MessageSquareDashed />}
        title={filter === 'archived' ? t('emptyArchived') : t('empty')}
      >
        {filter === 'active' && t('emptyHelp')}
      </Empty>
    );
  }
  return (
    <>
      {groups.map(({ group, items }) => (
        <section key={group} aria-label={t(`group.${group}`)} className="pb-3">
          <h3 className="px-2.5 pt-2 pb-1 font-medium text-muted text-xs">{t(`group.${group}`)}</h3>
          <ul className="flex flex-col gap-px">
            {items.map((conversation) =>
              selection ? (
                <ChoiceRow
                  key={conversation.id}
                  conversation={conversation}
                  selection={selection}
                />
              ) : (
                <ConversationRow
                  key={conversation.id}
                  conversation={conversation}
                  current={conversation.id === current}
                  onOpen={onOpen}
                />
              ),
            )}
          </ul>
        </section>
      ))}
      <div ref={end} className="h-px" />
    </>
  );
}

/** A piece of what was said, marked where the search matched. */
export function ExcerptText({ excerpt }: { excerpt: Excerpt }) {
  return (
    <span className="line-clamp-2 text-muted text-xs">
      {highlighted(excerpt.text, excerpt.highlights).map(({ text, marked, at }) =>
        marked ? (
          <mark key={at} className="rounded-xs bg-accent-soft text-text">
            {text}
          </mark>
        ) : (
          <span key={at}>{text}</span>
        ),
      )}
    </span>
  );
}

function Hit({ hit, current, onOpen }: { hit: SearchHit; current: boolean; onOpen: () => void }) {
  const t = useTranslations('sidebar');
  return (
    <li>
      <ConversationLink
        id={hit.conversation.id}
        message={hit.excerpts[0]?.message_id}
        onClick={onOpen}
        className={cx(
          'flex flex-col gap-1 rounded-sm px-2.5 py-2 text-sm hover:bg-hover',
          current && 'bg-active',
        )}
      >
        <span className="flex items-center gap-2">
          <span className="truncate">{hit.conversation.title || t('untitled')}</span>
          {hit.conversation.archived && (
            <span className="shrink-0 text-muted text-xs">{t('isArchived')}</span>
          )}
        </span>
        {hit.excerpts[0] && <ExcerptText excerpt={hit.excerpts[0]} />}
      </ConversationLink>
    </li>
  );
}

/** The text as it was a moment ago, so that each key need not ask the server. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), 180);
    return () => clearTimeout(timer);
  }, [text]);
  return useDeferredValue(settled);
}

/** What a search finds, in titles and in what was said. */
export function SearchResults({ text, onOpen }: { text: string; onOpen: () => void }) {
  const t = useTranslations('sidebar');
  const explain = useExplain();
  const current = useConversationId();
  const settled = useSettled(text.trim());
  const search = useQuery(searchQuery(settled));
  if (search.error) {
    return (
      <div className="p-2">
        <Banner kind="danger" title={explain.error(search.error).title} />
      </div>
    );
  }
  if (!search.data) return <Skeleton />;
  return (
    <div className={cx(search.isPlaceholderData && 'opacity-60')}>
      <p role="status" className={cx(search.data.items.length > 0 && 'sr-only')}>
        {search.data.items.length > 0 && t('found', { count: search.data.items.length })}
      </p>
      {search.data.items.length === 0 ? (
        <Empty icon={<SearchX />} title={t('nothingFound')}>
          {t('nothingFoundHelp')}
        </Empty>
      ) : (
        <ul className="flex flex-col gap-px pt-1">
          {search.data.items.map((hit) => (
            <Hit
              key={hit.conversation.id}
              hit={hit}
              current={hit.conversation.id === current}
              onOpen={onOpen}
            />
          ))}
        </ul>
      )}
    </div>
  );
}
