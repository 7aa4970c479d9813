'use client';

import { Pin } from 'lucide-react';
import { useFormatter, useTranslations } from 'use-intl';
import { ExcerptText } from '@/features/conversations';
import type { Conversation, Excerpt } from '@/platform/api/types';
import { ConversationLink } from '@/platform/route';
import { cx } from '@/ui/cx';

/** One conversation, and where a search found something in it. */
export interface Row {
  conversation: Conversation;
  excerpts: readonly Excerpt[];
}

function About({ conversation }: { conversation: Conversation }) {
  const t = useTranslations('history');
  const sidebar = useTranslations('sidebar');
  const format = useFormatter();
  const when = (time: string) =>
    format.dateTime(new Date(time), { dateStyle: 'medium', timeStyle: 'short' });
  return (
    <span className="flex flex-wrap gap-x-2 text-muted text-xs">
      <span>
        {conversation.deleted_at
          ? t('deletedAt', { when: when(conversation.deleted_at) })
          : when(conversation.updated_at)}
      </span>
      {conversation.model && <span className="font-mono">{conversation.model}</span>}
      {conversation.archived && <span>{sidebar('isArchived')}</span>}
    </span>
  );
}

/** A row with its check box. */
export function HistoryRow({
  row: { conversation, excerpts },
  chosen,
  onChoose,
}: {
  row: Row;
  chosen: boolean;
  onChoose: (chosen: boolean) => void;
}) {
  const t = useTranslations('history');
  const sidebar = useTranslations('sidebar');
  const title = conversation.title || sidebar('untitled');
  const about = (
    <>
      <span className="flex items-center gap-2">
        {conversation.pinned && <Pin aria-hidden="true" className="size-3.5 shrink-0 text-muted" />}
        <span className="truncate font-medium text-sm">{title}</span>
      </span>
      <About conversation={conversation} />
    </>
  );
  const part = 'flex flex-col gap-1 rounded-sm';
  return (
    <li
      className={cx(
        'flex items-start rounded-sm transition-colors duration-150',
        chosen ? 'bg-active' : 'hover:bg-hover',
      )}
    >
      <label className="flex shrink-0 cursor-pointer px-3 py-3">
        <input
          type="checkbox"
          className="size-4.5 accent-accent"
          aria-label={t('choose', { title })}
          checked={chosen}
          onChange={(event) => onChoose(event.target.checked)}
        />
      </label>
      <div className="flex min-w-0 flex-1 flex-col gap-1 py-2.5 pe-3">
        {conversation.deleted_at ? (
          <div className={part}>{about}</div>
        ) : (
          <ConversationLink id={conversation.id} className={part}>
            {about}
          </ConversationLink>
        )}
        {excerpts.map((excerpt) => (
          <ConversationLink
            key={excerpt.message_id}
            id={conversation.id}
            message={excerpt.message_id}
            className="rounded-sm hover:underline"
          >
            <ExcerptText excerpt={excerpt} />
          </ConversationLink>
        ))}
      </div>
    </li>
  );
}
