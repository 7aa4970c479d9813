'use client';

import { useQuery } from '@tanstack/react-query';
import { MessageSquare, Search } from 'lucide-react';
import {
  type KeyboardEvent,
  type ReactNode,
  useDeferredValue,
  useEffect,
  useId,
  useState,
} from 'react';
import { useTranslations } from 'use-intl';
import { searchQuery } from '@/features/conversations';
import { cx } from '@/ui/cx';
import { Dialog } from '@/ui/dialog';

/** One thing that the palette can do. */
export interface Action {
  id: string;
  label: string;
  icon: ReactNode;
  run: () => void;
}

function matches(label: string, words: readonly string[]): boolean {
  const text = label.toLocaleLowerCase();
  return words.every((word) => text.includes(word));
}

function Row({ action, id, active }: { action: Action; id: string; active: boolean }) {
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the list's, at its input
    // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the input, which names the active one
    <div
      id={id}
      role="option"
      aria-selected={active}
      onClick={action.run}
      ref={(element) => {
        if (active) element?.scrollIntoView({ block: 'nearest' });
      }}
      className={cx(
        'flex cursor-pointer items-center gap-3 rounded-sm px-3 py-2.5 text-sm [&>svg]:size-4 [&>svg]:shrink-0 [&>svg]:text-muted',
        active ? 'bg-hover' : 'hover:bg-hover',
      )}
    >
      {action.icon}
      <span className="truncate">{action.label}</span>
    </div>
  );
}

function Found({
  actions,
  onConversation,
  onClose,
}: {
  actions: readonly Action[];
  onConversation: (id: string, message?: string) => void;
  onClose: () => void;
}) {
  const t = useTranslations('palette');
  const sidebar = useTranslations('sidebar');
  const listId = useId();
  const [text, setText] = useState('');
  const [active, setActive] = useState(0);
  const [entered, setEntered] = useState(false);
  const settled = useDeferredValue(text.trim());
  const search = useQuery(searchQuery(settled));
  const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const hits = settled === '' ? [] : (search.data?.items ?? []);
  // While one types, the list still shows what was found for fewer letters.
  const behind =
    text.trim() !== '' && (text.trim() !== settled || search.isPlaceholderData || search.isPending);
  const matching = actions.filter(({ label }) => matches(label, words));
  const shown: Action[] = [
    ...matching,
    ...hits.slice(0, 8).map(({ conversation, excerpts }) => ({
      id: conversation.id,
      label: conversation.title || sidebar('untitled'),
      icon: <MessageSquare />,
      run: () => onConversation(conversation.id, excerpts[0]?.message_id),
    })),
  ].map((action) => ({
    ...action,
    run: () => {
      onClose();
      action.run();
    },
  }));
  const at = Math.min(active, Math.max(shown.length - 1, 0));

  // Enter means what was typed, not what happened to be listed at that moment.
  useEffect(() => {
    if (!entered || behind) return;
    setEntered(false);
    shown[at]?.run();
  });

  function onKeyDown(event: KeyboardEvent) {
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'ArrowDown') setActive(Math.min(at + 1, shown.length - 1));
    else if (event.key === 'ArrowUp') setActive(Math.max(at - 1, 0));
    else if (event.key === 'Enter') {
      if (behind && at >= matching.length) setEntered(true);
      else shown[at]?.run();
    } else return;
    event.preventDefault();
  }

  return (
    <div className="-mx-3 flex flex-col gap-2">
      <div className="flex items-center gap-2.5 rounded-sm border border-line-control px-3.5 focus-within:border-accent">
        <Search className="size-4 shrink-0 text-muted" />
        <input
          // biome-ignore lint/a11y/noAutofocus: one opens the palette to type, and it gives the focus back
          autoFocus
          type="text"
          role="combobox"
          aria-expanded="true"
          aria-controls={listId}
          aria-activedescendant={shown.length > 0 ? `${listId}-${at}` : undefined}
          aria-label={t('placeholder')}
          placeholder={t('placeholder')}
          value={text}
          maxLength={200}
          onChange={(event) => {
            setText(event.target.value);
            setActive(0);
            setEntered(false);
          }}
          onKeyDown={onKeyDown}
          className="h-11 w-full bg-transparent text-sm outline-none"
        />
      </div>
      <div
        id={listId}
        role="listbox"
        aria-label={t('title')}
        className="scroll-quiet max-h-[min(22rem,55dvh)] overflow-y-auto"
      >
        {shown.map((action, index) => (
          <Row key={action.id} action={action} id={`${listId}-${index}`} active={index === at} />
        ))}
      </div>
      {shown.length === 0 && (
        <p role="status" className="pb-2 text-center text-muted text-sm">
          {search.isFetching ? t('searching') : sidebar('nothingFound')}
        </p>
      )}
    </div>
  );
}

/** Goes anywhere and does anything, by its name. */
export function Palette({
  open,
  onOpenChange,
  actions,
  onConversation,
}: {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  actions: readonly Action[];
  onConversation: (id: string, message?: string) => void;
}) {
  const t = useTranslations('palette');
  const common = useTranslations('common');
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={t('title')} closeLabel={common('close')}>
      <Found
        actions={actions}
        onConversation={onConversation}
        onClose={() => onOpenChange(false)}
      />
    </Dialog>
  );
}
