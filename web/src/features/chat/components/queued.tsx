'use client';

import { Clock, Pencil, SendHorizontal, X } from 'lucide-react';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { ask } from '@/platform/commands';
import { IconButton } from '@/ui/button';
import type { QueueActions } from '../hooks';
import type { Queued } from '../queue';
import { isSendKey } from './keys';
import { WaitingPictures } from './pictures';

function Editor({ text, onDone }: { text: string; onDone: (text: string | null) => void }) {
  const t = useTranslations('queue');
  const [draft, setDraft] = useState(text);
  const done = (kept: string | null) => {
    onDone(kept);
    ask('focus-composer');
  };
  return (
    <textarea
      ref={(area) => area?.focus()}
      aria-label={t('edit')}
      value={draft}
      maxLength={200_000}
      onChange={(event) => setDraft(event.target.value)}
      onFocus={(event) => {
        const end = event.target.value.length;
        event.target.setSelectionRange(end, end);
      }}
      onBlur={() => onDone(draft)}
      onKeyDown={(event) => {
        if (event.key === 'Escape') done(null);
        if (isSendKey(event)) {
          event.preventDefault();
          done(draft);
        }
      }}
      className="field-sizing-content max-h-40 min-h-9 w-full resize-none rounded-xs border border-accent bg-bg px-2 py-1.5 text-sm outline-none"
    />
  );
}

function Item({ item, idle, actions }: { item: Queued; idle: boolean; actions: QueueActions }) {
  const t = useTranslations('queue');
  const [editing, setEditing] = useState(false);

  function edit(on: boolean) {
    setEditing(on);
    actions.editing(on ? item.key : null);
  }

  return (
    <li className="flex items-start gap-2 rounded-md py-1 ps-3 pe-1">
      <Clock aria-hidden="true" className="mt-2 size-4 shrink-0 text-muted" />
      <div className="flex min-w-0 flex-1 flex-col gap-1.5">
        {editing ? (
          <Editor
            text={item.text}
            onDone={(text) => {
              const kept = text?.trim() ?? '';
              if (kept !== '' || item.pictures.length > 0) {
                if (text !== null) actions.edit(item.key, kept);
              }
              edit(false);
            }}
          />
        ) : (
          item.text !== '' && (
            <p className="line-clamp-3 whitespace-pre-wrap py-1.5 text-sm">{item.text}</p>
          )
        )}
        <WaitingPictures pictures={item.pictures} />
        {item.lost > 0 && (
          <p className="pb-1 text-sm text-warning">{t('lost', { count: item.lost })}</p>
        )}
      </div>
      {idle && !editing && (
        <IconButton label={t('send')} size="sm" onClick={() => actions.send(item.key)}>
          <SendHorizontal className="size-4" />
        </IconButton>
      )}
      {!editing && (
        <IconButton label={t('edit')} size="sm" onClick={() => edit(true)}>
          <Pencil className="size-4" />
        </IconButton>
      )}
      <IconButton label={t('remove')} size="sm" onClick={() => actions.remove(item.key)}>
        <X className="size-4" />
      </IconButton>
    </li>
  );
}

/** What was written while an answer was, and goes out after it. */
export function QueuedQuestions({ idle, actions }: { idle: boolean; actions: QueueActions }) {
  const t = useTranslations('queue');
  if (actions.items.length === 0) return null;
  return (
    <section aria-label={t('label')} className="glass mb-2 rounded-lg p-1.5">
      <p role="status" className="px-3 pt-1 text-muted text-xs">
        {idle ? t('held') : t('waiting', { count: actions.items.length })}
      </p>
      <ul className="scroll-quiet max-h-[30dvh] overflow-y-auto">
        {actions.items.map((item) => (
          <Item key={item.key} item={item} idle={idle} actions={actions} />
        ))}
      </ul>
    </section>
  );
}
