'use client';

import {
  Archive,
  ArchiveRestore,
  Download,
  Ellipsis,
  Pencil,
  Pin,
  PinOff,
  Trash2,
} from 'lucide-react';
import { useRef, useState } from 'react';
import { useTranslations } from 'use-intl';
import type { Conversation } from '@/platform/api/types';
import { ConversationLink } from '@/platform/route';
import { IconButton } from '@/ui/button';
import { cx } from '@/ui/cx';
import { Menu, MenuItem, MenuSeparator } from '@/ui/menu';
import { useConversationActions } from './hooks';

function Rename({ title, onDone }: { title: string; onDone: (title: string | null) => void }) {
  const t = useTranslations('sidebar');
  const [text, setText] = useState(title);
  const done = useRef(false);
  const finish = (result: string | null) => {
    if (done.current) return;
    done.current = true;
    const trimmed = result?.trim() ?? '';
    onDone(trimmed === '' || trimmed === title ? null : trimmed);
  };
  return (
    <input
      ref={(input) => input?.focus()}
      aria-label={t('renameLabel')}
      value={text}
      maxLength={200}
      onFocus={(event) => event.target.select()}
      onChange={(event) => setText(event.target.value)}
      onBlur={() => finish(text)}
      onKeyDown={(event) => {
        if (event.nativeEvent.isComposing) return;
        if (event.key === 'Enter') finish(text);
        if (event.key === 'Escape') {
          event.stopPropagation();
          finish(null);
        }
      }}
      className="h-9 w-full rounded-sm border border-accent bg-bg px-2.5 text-sm outline-none"
    />
  );
}

/** One conversation in the sidebar, with its menu. */
export function ConversationRow({
  conversation,
  current,
  onOpen,
}: {
  conversation: Conversation;
  current: boolean;
  onOpen: () => void;
}) {
  const t = useTranslations('sidebar');
  const actions = useConversationActions(conversation, current);
  const [renaming, setRenaming] = useState(false);
  const [menuOpen, setMenuOpen] = useState(false);
  const title = conversation.title || t('untitled');

  if (renaming) {
    return (
      <li>
        <Rename
          title={conversation.title}
          onDone={(next) => {
            setRenaming(false);
            if (next !== null) actions.rename(next);
          }}
        />
      </li>
    );
  }

  return (
    <li
      className={cx(
        'group relative flex items-center rounded-sm transition-colors duration-150',
        current ? 'bg-active' : 'hover:bg-hover',
      )}
    >
      <ConversationLink
        id={conversation.id}
        aria-current={current ? 'page' : undefined}
        title={title}
        onClick={onOpen}
        onDoubleClick={() => setRenaming(true)}
        className={cx(
          'flex h-9 min-w-0 flex-1 items-center gap-2 rounded-sm ps-2.5 pe-2 text-sm',
          current ? 'text-text' : 'text-soft group-hover:text-text',
        )}
      >
        <span className="truncate">{title}</span>
        {conversation.running_turns.length > 0 && (
          <span
            role="img"
            aria-label={t('answering')}
            className="size-2 shrink-0 animate-pulse-soft rounded-full bg-accent"
          />
        )}
      </ConversationLink>
      <div
        className={cx(
          'pe-1 md:opacity-0 md:focus-within:opacity-100 md:group-hover:opacity-100',
          menuOpen && 'md:opacity-100',
        )}
      >
        <Menu
          onOpenChange={setMenuOpen}
          trigger={
            <IconButton label={t('more', { title })} size="sm" className="size-7">
              <Ellipsis className="size-4" />
            </IconButton>
          }
        >
          <MenuItem icon={conversation.pinned ? <PinOff /> : <Pin />} onSelect={actions.pin}>
            {conversation.pinned ? t('unpin') : t('pin')}
          </MenuItem>
          {/* After the menu gave its focus back, or it would end the renaming. */}
          <MenuItem icon={<Pencil />} onSelect={() => setTimeout(() => setRenaming(true))}>
            {t('rename')}
          </MenuItem>
          <MenuItem
            icon={conversation.archived ? <ArchiveRestore /> : <Archive />}
            onSelect={actions.archive}
          >
            {conversation.archived ? t('unarchive') : t('archive')}
          </MenuItem>
          <MenuSeparator />
          <MenuItem icon={<Download />} onSelect={() => actions.save('markdown')}>
            {t('exportMarkdown')}
          </MenuItem>
          <MenuItem icon={<Download />} onSelect={() => actions.save('json')}>
            {t('exportJson')}
          </MenuItem>
          <MenuSeparator />
          <MenuItem icon={<Trash2 />} danger onSelect={actions.remove}>
            {t('delete')}
          </MenuItem>
        </Menu>
      </div>
    </li>
  );
}
