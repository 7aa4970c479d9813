'use client';

import { Archive, ArchiveRestore, Trash2, X } from 'lucide-react';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import type { Conversation, ConversationFilter } from '@/platform/api/types';
import { showConversation, useConversationId } from '@/platform/route';
import { IconButton } from '@/ui/button';
import { cx } from '@/ui/cx';
import { useBulk } from './bulk';

/** Which conversations of the sidebar are chosen, while some are being chosen. */
export interface Selection {
  ids: ReadonlySet<string>;
  choose: (id: string, chosen: boolean) => void;
}

/** The choice of conversations; `null` while nothing is being chosen. */
export function useSelection() {
  const [ids, setIds] = useState<ReadonlySet<string> | null>(null);
  return {
    ids,
    begin: () => setIds(new Set()),
    end: () => setIds(null),
    choose: (id: string, chosen: boolean) =>
      setIds((old) => {
        const next = new Set(old);
        if (chosen) next.add(id);
        else next.delete(id);
        return next;
      }),
  };
}

/** A conversation that can be chosen. */
export function ChoiceRow({
  conversation,
  selection,
}: {
  conversation: Conversation;
  selection: Selection;
}) {
  const t = useTranslations('sidebar');
  const chosen = selection.ids.has(conversation.id);
  return (
    <li>
      <label
        className={cx(
          'flex h-9 cursor-pointer items-center gap-2.5 rounded-sm px-2.5 text-sm transition-colors duration-150',
          chosen ? 'bg-active text-text' : 'text-soft hover:bg-hover hover:text-text',
        )}
      >
        <input
          type="checkbox"
          className="size-4 shrink-0 accent-accent"
          checked={chosen}
          onChange={(event) => selection.choose(conversation.id, event.target.checked)}
        />
        <span className="truncate">{conversation.title || t('untitled')}</span>
      </label>
    </li>
  );
}

/** What can be done with the chosen conversations. */
export function SelectionBar({
  filter,
  ids,
  onEnd,
}: {
  filter: ConversationFilter;
  ids: ReadonlySet<string>;
  onEnd: () => void;
}) {
  const t = useTranslations('sidebar');
  const history = useTranslations('history');
  const lists = useTranslations('lists');
  const current = useConversationId();
  const bulk = useBulk((changed, what) => {
    onEnd();
    if (what === 'delete' && current !== null && changed.includes(current)) showConversation(null);
  });
  const none = ids.size === 0 || bulk.busy;
  const archived = filter === 'archived';
  return (
    <div
      role="toolbar"
      aria-label={lists('chosenActions')}
      className="flex items-center gap-1 rounded-sm border border-line bg-card py-1 ps-2.5 pe-1"
    >
      <span aria-live="polite" className="me-auto truncate text-muted text-sm">
        {history('chosen', { count: ids.size })}
      </span>
      <IconButton
        label={archived ? history('unarchive') : t('archive')}
        size="sm"
        disabled={none}
        onClick={() => bulk.run([...ids], archived ? 'unarchive' : 'archive')}
      >
        {archived ? <ArchiveRestore className="size-4" /> : <Archive className="size-4" />}
      </IconButton>
      <IconButton
        label={t('delete')}
        size="sm"
        disabled={none}
        onClick={() => bulk.run([...ids], 'delete')}
      >
        <Trash2 className="size-4" />
      </IconButton>
      <IconButton label={lists('endChoosing')} size="sm" onClick={onEnd}>
        <X className="size-4" />
      </IconButton>
    </div>
  );
}
