'use client';

import { ArrowUp, ImagePlus, Square } from 'lucide-react';
import {
  type ClipboardEvent,
  type DragEvent,
  type KeyboardEvent,
  type ReactNode,
  useEffect,
  useRef,
  useState,
} from 'react';
import { useTranslations } from 'use-intl';
import { onCommand } from '@/platform/commands';
import { IconButton } from '@/ui/button';
import { cx } from '@/ui/cx';
import { toastError } from '@/ui/toast';
import type { SlashCommand } from '../commands';
import type { Picture } from '../outbox';
import { MOST_PICTURES, takePictures } from '../pictures';
import { CommandList, useCommandKeys } from './command-list';
import { isSendKey } from './keys';
import { WaitingPictures } from './pictures';
import { VoiceButton } from './voice';

const NO_COMMANDS: readonly SlashCommand[] = [];

/** Where one writes. */
export function Composer({
  text,
  pictures,
  running,
  disabled,
  focusKey,
  commands = NO_COMMANDS,
  tools,
  onText,
  onPictures,
  onSend,
  onStop,
}: {
  text: string;
  pictures: readonly Picture[];
  /** An answer is being written: it can be stopped, and what is sent waits for it. */
  running: boolean;
  disabled: boolean;
  /** The field takes the focus whenever this changes. */
  focusKey: string;
  /** What can be done from here by writing `/` and its name. */
  commands?: readonly SlashCommand[];
  /** More buttons. */
  tools?: ReactNode;
  onText: (text: string) => void;
  onPictures: (pictures: Picture[]) => void;
  onSend: () => void;
  onStop: () => void;
}) {
  const t = useTranslations('composer');
  const area = useRef<HTMLTextAreaElement>(null);
  const files = useRef<HTMLInputElement>(null);
  const [sent, setSent] = useState(0);
  const [dragging, setDragging] = useState(false);
  const slash = useCommandKeys(text, commands, onText);
  const empty = text.trim() === '' && pictures.length === 0;

  // biome-ignore lint/correctness/useExhaustiveDependencies: each conversation takes the focus anew
  useEffect(() => {
    // What is typed into an open dialog must not land here, and be sent.
    if (document.querySelector('[data-modal]') !== null) return;
    // On a phone that would open the keyboard over what one came to read.
    if (window.matchMedia('(pointer: fine)').matches) area.current?.focus();
  }, [focusKey]);

  useEffect(
    () =>
      onCommand((command) => {
        if (command === 'focus-composer') area.current?.focus();
      }),
    [],
  );

  function submit() {
    if (disabled || empty) return;
    // What is said after that belongs to the next message.
    setSent(sent + 1);
    onSend();
  }

  async function add(list: Iterable<File>) {
    const all = [...list];
    if (all.length === 0) return;
    const { pictures: taken, refused } = await takePictures(all, MOST_PICTURES - pictures.length);
    if (taken.length > 0) onPictures([...pictures, ...taken]);
    if (refused) toastError(t(`refused.${refused}`, { most: MOST_PICTURES }));
  }

  function onPaste(event: ClipboardEvent) {
    const pasted = [...event.clipboardData.files];
    if (pasted.length === 0) return;
    event.preventDefault();
    void add(pasted);
  }

  function onDrop(event: DragEvent) {
    event.preventDefault();
    setDragging(false);
    void add(event.dataTransfer.files);
  }

  function onKeyDown(event: KeyboardEvent) {
    if (slash.onKeyDown(event)) return;
    if (event.key === 'Escape' && running) onStop();
    if (!isSendKey(event)) return;
    event.preventDefault();
    submit();
  }

  return (
    <form
      aria-label={t('label')}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes('Files')) return;
        event.preventDefault();
        setDragging(true);
      }}
      onDragLeave={() => setDragging(false)}
      onDrop={onDrop}
      className={cx(
        'relative rounded-xl border bg-card p-2.5 shadow-card transition-[border-color,box-shadow] duration-200 focus-within:border-accent focus-within:shadow-glow',
        dragging ? 'border-accent shadow-glow' : 'border-line-strong',
      )}
    >
      {slash.state && <CommandList state={slash.state} />}
      {pictures.length > 0 && (
        <div className="px-2 pt-2 pb-1">
          <WaitingPictures
            pictures={pictures}
            onRemove={(id) => onPictures(pictures.filter((picture) => picture.id !== id))}
          />
        </div>
      )}
      <textarea
        ref={area}
        rows={1}
        aria-label={t('placeholder')}
        aria-autocomplete={commands.length > 0 ? 'list' : undefined}
        aria-controls={slash.state?.id}
        aria-activedescendant={slash.activeId}
        placeholder={dragging ? t('drop') : t('placeholder')}
        value={text}
        maxLength={200_000}
        onChange={(event) => onText(event.target.value)}
        onKeyDown={onKeyDown}
        onPaste={onPaste}
        className="field-sizing-content scroll-quiet max-h-[40dvh] min-h-11 w-full resize-none bg-transparent px-2.5 py-2 leading-relaxed outline-none"
      />
      <div className="flex items-center gap-1.5">
        <input
          ref={files}
          type="file"
          accept="image/png,image/jpeg,image/webp,image/gif"
          multiple
          hidden
          onChange={(event) => {
            void add(event.target.files ?? []);
            event.target.value = '';
          }}
        />
        <IconButton label={t('addPicture')} round onClick={() => files.current?.click()}>
          <ImagePlus className="size-5" />
        </IconButton>
        {tools}
        <VoiceButton key={`${focusKey} ${sent}`} text={text} onText={onText} />
        <span className="me-auto hidden text-muted text-xs sm:inline">{t('keys')}</span>
        <span className="me-auto sm:hidden" />
        {running && (
          <IconButton label={t('stop')} kind="plain" round onClick={onStop}>
            <Square className="size-3.5 fill-current" />
          </IconButton>
        )}
        {(!running || !empty) && (
          <IconButton
            label={running ? t('queue') : t('send')}
            kind="primary"
            type="submit"
            disabled={empty || disabled}
            round
          >
            <ArrowUp className="size-5" />
          </IconButton>
        )}
      </div>
    </form>
  );
}
