'use client';

import { Pencil, Trash2 } from 'lucide-react';
import { memo, useState } from 'react';
import { useTranslations } from 'use-intl';
import type { Message } from '@/platform/api/types';
import { ask } from '@/platform/commands';
import { useExplain } from '@/platform/errors';
import { Banner } from '@/ui/banner';
import { Button, IconButton } from '@/ui/button';
import { cx } from '@/ui/cx';
import { toastError } from '@/ui/toast';
import type { ChatActions } from '../hooks';
import type { Outgoing } from '../outbox';
import { picturesOf } from '../pictures';
import { CopyButton } from './copy-button';
import { isSendKey } from './keys';
import { Attachments, WaitingPictures } from './pictures';
import { Versions } from './versions';

function Bubble({ text, faded = false }: { text: string; faded?: boolean }) {
  if (text === '') return null;
  return (
    <div
      className={cx(
        'max-w-full whitespace-pre-wrap rounded-lg rounded-ee-xs bg-bubble px-4 py-2.5 leading-relaxed',
        faded && 'opacity-70',
      )}
    >
      {text}
    </div>
  );
}

function Editor({
  text,
  busy,
  onSave,
  onCancel,
}: {
  text: string;
  busy: boolean;
  onSave: (text: string) => void;
  onCancel: () => void;
}) {
  const t = useTranslations('chat');
  const common = useTranslations('common');
  const [draft, setDraft] = useState(text);
  const save = () => {
    if (draft.trim() !== '') onSave(draft);
  };
  return (
    <div className="glass w-full rounded-lg p-3">
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
        onKeyDown={(event) => {
          if (event.key === 'Escape') onCancel();
          if (isSendKey(event)) {
            event.preventDefault();
            save();
          }
        }}
        className="field-sizing-content max-h-80 min-h-16 w-full resize-none bg-transparent px-1 leading-relaxed outline-none"
      />
      <div className="mt-2 flex items-center justify-end gap-2">
        <p className="me-auto text-muted text-xs">{t('editHelp')}</p>
        <Button size="sm" onClick={onCancel}>
          {common('cancel')}
        </Button>
        <Button size="sm" kind="primary" busy={busy} onClick={save}>
          {t('send')}
        </Button>
      </div>
    </div>
  );
}

/** One question; editing it begins a branch beside it. */
export const Question = memo(function Question({
  message,
  versions,
  model,
  actions,
}: {
  message: Message;
  versions: readonly Message[];
  model: string | null;
  actions: ChatActions;
}) {
  const t = useTranslations('chat');
  const explain = useExplain();
  const [editing, setEditing] = useState(false);
  const [busy, setBusy] = useState(false);

  async function save(text: string) {
    setBusy(true);
    try {
      const pictures = await picturesOf(message.attachments);
      actions.ask({ text, pictures, model, parentId: message.parent_id ?? null });
      setEditing(false);
    } catch (error) {
      toastError(explain.error(error).title);
    } finally {
      setBusy(false);
    }
  }

  return (
    <article
      aria-label={t('questionLabel')}
      className="group flex flex-col items-end gap-2 ps-8 sm:ps-20"
    >
      <Attachments attachments={message.attachments} />
      {editing ? (
        <Editor
          text={message.content}
          busy={busy}
          onSave={(text) => void save(text)}
          onCancel={() => setEditing(false)}
        />
      ) : (
        <>
          <Bubble text={message.content} />
          <div className="-mt-1 flex items-center gap-0.5">
            <div className="flex transition-opacity duration-150 md:opacity-0 md:focus-within:opacity-100 md:group-hover:opacity-100">
              <CopyButton text={message.content} />
              <IconButton label={t('edit')} size="sm" onClick={() => setEditing(true)}>
                <Pencil className="size-4" />
              </IconButton>
              <IconButton
                label={t('deleteMessage')}
                size="sm"
                onClick={() => {
                  actions.remove(message.id);
                  // The button goes with its message.
                  ask('focus-composer');
                }}
              >
                <Trash2 className="size-4" />
              </IconButton>
            </div>
            <Versions message={message} all={versions} onShow={actions.show} />
          </div>
        </>
      )}
    </article>
  );
});

/** A question that the server has not taken yet, or would not. */
export function OutgoingQuestion({
  outgoing,
  actions,
  onTakeBack,
}: {
  outgoing: Outgoing;
  actions: ChatActions;
  onTakeBack: (outgoing: Outgoing) => void;
}) {
  const t = useTranslations('chat');
  const explain = useExplain();
  const failed = outgoing.state === 'failed' ? explain.error(outgoing.error) : null;
  return (
    <article
      aria-label={t('questionLabel')}
      className="flex flex-col items-end gap-2 ps-8 sm:ps-20"
    >
      <WaitingPictures pictures={outgoing.pictures} />
      <Bubble text={outgoing.text} faded={failed === null} />
      {failed && (
        <div className="w-full">
          <Banner
            kind="danger"
            title={t('notSent', { why: failed.title })}
            action={
              <>
                <Button size="sm" onClick={() => actions.askAgain(outgoing.key)}>
                  {t('sendAgain')}
                </Button>
                <Button size="sm" kind="quiet" onClick={() => onTakeBack(outgoing)}>
                  {t('takeBack')}
                </Button>
              </>
            }
          >
            {failed.detail}
          </Banner>
        </div>
      )}
    </article>
  );
}
