'use client';

import {
  Archive,
  ArrowLeft,
  History,
  ListChecks,
  PanelLeftClose,
  Search,
  SquarePen,
  X,
} from 'lucide-react';
import Link from 'next/link';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import {
  ConversationList,
  SearchResults,
  SelectionBar,
  useSelection,
} from '@/features/conversations';
import { ConversationLink } from '@/platform/route';
import { IconButton } from '@/ui/button';
import { Logo } from '@/ui/logo';
import { PersonMenu } from './person-menu';

/** What is on the left: a new chat, search, the conversations, the person. */
export function Sidebar({
  name,
  onOpen,
  onHide,
}: {
  name: string;
  /** A conversation was opened from here. */
  onOpen: () => void;
  onHide: () => void;
}) {
  const t = useTranslations('sidebar');
  const person = useTranslations('person');
  const [text, setText] = useState('');
  const [archived, setArchived] = useState(false);
  const selection = useSelection();
  const lists = useTranslations('lists');
  const filter = archived ? 'archived' : 'active';

  return (
    <nav aria-label={t('label')} className="flex h-full flex-col bg-sidebar">
      <div className="flex items-center gap-2.5 px-3 pt-3 pb-2">
        <Logo className="ms-1 size-7" />
        <span className="me-auto truncate font-semibold tracking-tight">{name}</span>
        <IconButton label={t('hide')} onClick={onHide}>
          <PanelLeftClose className="size-4.5" />
        </IconButton>
      </div>
      <div className="flex flex-col gap-2 px-3 pb-2">
        <ConversationLink
          id={null}
          onClick={onOpen}
          className="flex h-10 items-center gap-2.5 rounded-sm border border-line-strong bg-glass px-3 font-medium text-sm hover:bg-hover"
        >
          <SquarePen className="size-4 text-accent-text" />
          {t('newChat')}
        </ConversationLink>
        <div className="flex items-center gap-1">
          <div className="relative min-w-0 flex-1">
            <Search className="pointer-events-none absolute inset-y-0 start-3 my-auto size-4 text-muted" />
            <input
              type="search"
              aria-label={t('search')}
              placeholder={t('search')}
              value={text}
              maxLength={200}
              onChange={(event) => setText(event.target.value)}
              onKeyDown={(event) => {
                if (event.key === 'Escape' && text !== '') {
                  event.stopPropagation();
                  setText('');
                }
              }}
              className="h-9 w-full appearance-none rounded-sm border border-transparent bg-hover [&::-webkit-search-cancel-button]:hidden ps-9 pe-8 text-sm hover:border-line-strong focus:border-accent focus:outline-none"
            />
            {text !== '' && (
              <button
                type="button"
                aria-label={t('clearSearch')}
                onClick={() => setText('')}
                className="absolute inset-y-0 end-1.5 my-auto grid size-6 place-items-center rounded-xs text-muted hover:text-text"
              >
                <X className="size-4" />
              </button>
            )}
          </div>
          <IconButton
            label={lists('choose')}
            aria-pressed={selection.ids !== null}
            disabled={text.trim() !== ''}
            onClick={() => (selection.ids === null ? selection.begin() : selection.end())}
          >
            <ListChecks className="size-4.5" />
          </IconButton>
        </div>
        {selection.ids && text.trim() === '' && (
          <SelectionBar filter={filter} ids={selection.ids} onEnd={selection.end} />
        )}
      </div>
      <div className="scroll-quiet min-h-0 flex-1 overflow-y-auto px-3">
        {text.trim() !== '' ? (
          <SearchResults text={text} onOpen={onOpen} />
        ) : (
          <>
            {archived && (
              <button
                type="button"
                onClick={() => {
                  selection.end();
                  setArchived(false);
                }}
                className="mt-1 flex h-9 w-full items-center gap-2 rounded-sm px-2.5 font-medium text-sm hover:bg-hover"
              >
                <ArrowLeft className="size-4" />
                {t('backToActive')}
              </button>
            )}
            <ConversationList
              filter={filter}
              selection={selection.ids && { ids: selection.ids, choose: selection.choose }}
              onOpen={onOpen}
            />
          </>
        )}
      </div>
      <div className="flex flex-col gap-1 border-line border-t p-3">
        {!archived && (
          <button
            type="button"
            onClick={() => {
              setText('');
              selection.end();
              setArchived(true);
            }}
            className="flex h-9 items-center gap-2.5 rounded-sm px-2.5 text-muted text-sm hover:bg-hover hover:text-text"
          >
            <Archive className="size-4" />
            {t('showArchived')}
          </button>
        )}
        <Link
          href="/history"
          onClick={onOpen}
          className="flex h-9 items-center gap-2.5 rounded-sm px-2.5 text-muted text-sm hover:bg-hover hover:text-text"
        >
          <History className="size-4" />
          {person('history')}
        </Link>
        <PersonMenu />
      </div>
    </nav>
  );
}
