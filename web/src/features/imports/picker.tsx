'use client';

import { FileUp } from 'lucide-react';
import { type DragEvent, useId, useRef, useState } from 'react';
import { useTranslations } from 'use-intl';
import type { ImportKind } from '@/platform/api/types';
import { Button } from '@/ui/button';
import { cx } from '@/ui/cx';

const ACCEPT: Record<ImportKind, string> = {
  chatgpt: '.zip,.json,application/zip,application/json',
  claude: '.zip,.json,application/zip,application/json',
  'open-webui': '.db,.sqlite,.sqlite3,application/vnd.sqlite3',
};

/** Where a file is dropped or chosen. */
export function FilePicker({
  kind,
  busy,
  onFile,
}: {
  kind: ImportKind;
  busy: boolean;
  onFile: (file: File) => void;
}) {
  const t = useTranslations('imports');
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const file = event.dataTransfer.files[0];
    if (file && !busy) onFile(file);
  };
  return (
    // Dropping is a way beside the button, for who has a mouse.
    // biome-ignore lint/a11y/noStaticElementInteractions: the button inside does the same
    <div
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
      className={cx(
        'flex flex-col items-center gap-2 rounded-md border border-dashed px-5 py-6 text-center transition-colors duration-150',
        over ? 'border-accent bg-accent-soft' : 'border-line-control bg-glass',
      )}
    >
      <FileUp aria-hidden="true" className="size-6 text-muted" />
      <p id={`${id}-what`} className="text-soft text-sm">
        {t(`file.${kind}`)}
      </p>
      <Button busy={busy} aria-describedby={`${id}-what`} onClick={() => input.current?.click()}>
        {t('choose')}
      </Button>
      <input
        ref={input}
        type="file"
        accept={ACCEPT[kind]}
        hidden
        onChange={(event) => {
          const file = event.target.files?.[0];
          // The same file may be chosen again.
          event.target.value = '';
          if (file) onFile(file);
        }}
      />
    </div>
  );
}
