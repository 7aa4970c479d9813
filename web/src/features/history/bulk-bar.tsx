'use client';

import { Archive, ArchiveRestore, Download, Trash2, Undo2 } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslations } from 'use-intl';
import type { Act } from '@/features/conversations';
import type { ExportFormat } from '@/platform/api/types';
import { Button } from '@/ui/button';
import { Menu, MenuItem } from '@/ui/menu';
import type { Row } from './rows';

// On a phone the icon has to do, or the bar would grow a line when it is used.
function Narrow({ children }: { children: ReactNode }) {
  return <span className="max-sm:sr-only">{children}</span>;
}

/** What can be done with the chosen rows. */
export function BulkBar({
  rows,
  chosen,
  busy,
  onChooseAll,
  onAct,
  onSave,
}: {
  rows: readonly Row[];
  chosen: readonly Row[];
  busy: boolean;
  onChooseAll: (all: boolean) => void;
  onAct: (act: Act) => void;
  onSave: (format: ExportFormat) => void;
}) {
  const t = useTranslations('history');
  const sidebar = useTranslations('sidebar');
  const all = chosen.length === rows.length;
  const deleted = chosen.some(({ conversation }) => conversation.deleted_at);
  const archived = chosen.every(({ conversation }) => conversation.archived);
  return (
    // Always there and always as high: choosing moves nothing.
    <div className="sticky top-0 z-(--layer-header) flex min-h-13 flex-wrap items-center gap-x-3 gap-y-2 rounded-md border border-line bg-card px-3 py-2">
      <label className="flex cursor-pointer items-center gap-3 text-sm">
        <input
          type="checkbox"
          className="size-4.5 accent-accent"
          checked={all}
          ref={(box) => {
            if (box) box.indeterminate = chosen.length > 0 && !all;
          }}
          onChange={() => onChooseAll(!all)}
        />
        <span aria-live="polite">
          {chosen.length === 0 ? t('chooseAll') : t('chosen', { count: chosen.length })}
        </span>
      </label>
      {chosen.length > 0 && (
        <div className="ms-auto flex flex-wrap gap-1.5">
          {deleted ? (
            <Button
              size="sm"
              busy={busy}
              icon={<Undo2 className="size-4" />}
              onClick={() => onAct('restore')}
            >
              <Narrow>{t('restore')}</Narrow>
            </Button>
          ) : (
            <>
              <Menu
                trigger={
                  <Button size="sm" disabled={busy} icon={<Download className="size-4" />}>
                    <Narrow>{t('export')}</Narrow>
                  </Button>
                }
              >
                <MenuItem onSelect={() => onSave('markdown')}>{sidebar('exportMarkdown')}</MenuItem>
                <MenuItem onSelect={() => onSave('json')}>{sidebar('exportJson')}</MenuItem>
              </Menu>
              <Button
                size="sm"
                disabled={busy}
                icon={
                  archived ? <ArchiveRestore className="size-4" /> : <Archive className="size-4" />
                }
                onClick={() => onAct(archived ? 'unarchive' : 'archive')}
              >
                <Narrow>{archived ? t('unarchive') : sidebar('archive')}</Narrow>
              </Button>
              <Button
                size="sm"
                busy={busy}
                icon={<Trash2 className="size-4" />}
                onClick={() => onAct('delete')}
              >
                <Narrow>{sidebar('delete')}</Narrow>
              </Button>
            </>
          )}
        </div>
      )}
    </div>
  );
}
