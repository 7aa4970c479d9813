'use client';

import { Copy, Download } from 'lucide-react';
import { type ReactNode, useRef } from 'react';
import { useTranslations } from 'use-intl';
import { saveFile } from '@/platform/files';
import { Bar, BarButton } from './bar';
import { useCopied } from './copied';
import { useScrollStop } from './scroll-stop';
import { type Rows, readTable, toCsv, toMarkdown } from './table-text';

/** A table that scrolls within itself, to copy and download. */
export function TableBlock({ children }: { children?: ReactNode }) {
  const t = useTranslations('answer.table');
  const code = useTranslations('code');
  const scroller = useRef<HTMLElement>(null);
  const table = useRef<HTMLTableElement>(null);
  const [copied, copy] = useCopied<'csv' | 'markdown'>();
  useScrollStop(scroller);
  const rows = (): Rows => (table.current ? readTable(table.current) : []);
  return (
    <div className="md-table overflow-hidden rounded-md border border-line-strong">
      <Bar label={t('label')}>
        <BarButton
          label={copied === 'csv' ? code('copied') : t('copyCsv')}
          text="CSV"
          icon={<Copy />}
          done={copied === 'csv'}
          onClick={() => copy('csv', toCsv(rows()))}
        />
        <BarButton
          label={copied === 'markdown' ? code('copied') : t('copyMarkdown')}
          text="Markdown"
          icon={<Copy />}
          done={copied === 'markdown'}
          onClick={() => copy('markdown', toMarkdown(rows()))}
        />
        <BarButton
          label={t('download')}
          icon={<Download />}
          onClick={() =>
            // The mark at the beginning tells spreadsheets that it is UTF-8.
            saveFile(new Blob(['\uFEFF', toCsv(rows())], { type: 'text/csv' }), 'table.csv')
          }
        />
      </Bar>
      <section ref={scroller} aria-label={t('label')} className="overflow-x-auto">
        <table ref={table}>{children}</table>
      </section>
    </div>
  );
}
