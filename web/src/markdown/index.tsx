'use client';

import { lazy, memo, Suspense, useState } from 'react';
import { cx } from '@/ui/cx';

const MarkdownRenderer = lazy(() =>
  import('./renderer').then(({ MarkdownRenderer }) => ({ default: MarkdownRenderer })),
);

/** Fetches the renderer ahead of the first answer. */
export function preloadMarkdown(): void {
  void import('./renderer').catch(() => undefined);
}

/** An answer, read as Markdown; as plain text until the renderer is there. */
export const Markdown = memo(function Markdown({ text, live }: { text: string; live: boolean }) {
  // One that was written before our eyes keeps its blocks when it is done:
  // the other mode would build all of it anew.
  const [streamed] = useState(live);
  return (
    <div className={cx('md', live && 'md-caret')}>
      <Suspense fallback={<div className="md-plain">{text}</div>}>
        <MarkdownRenderer text={text} live={live || streamed} />
      </Suspense>
    </div>
  );
});
