import type { ReactNode } from 'react';
import { Banner } from './banner';
import { Button } from './button';
import { cx } from './cx';

const WIDTHS = ['w-2/5', 'w-1/3', 'w-1/2', 'w-1/4'] as const;

/** A list in each of its states: being read, failed, empty, or with more to come. */
export function Listing({
  label,
  pending,
  problem,
  retryLabel,
  onRetry,
  more,
  moreLabel,
  empty,
  isEmpty,
  children,
}: {
  label: string;
  pending: boolean;
  /** Why it, or its next page, cannot be read. */
  problem: string | null;
  retryLabel: string;
  onRetry: () => void;
  /** How to read on, where there is more. */
  more: { busy: boolean; run: () => void } | null;
  moreLabel: string;
  empty: ReactNode;
  isEmpty: boolean;
  children: ReactNode;
}) {
  if (pending) {
    return (
      <div aria-hidden="true" className="flex flex-col gap-6 py-4">
        {WIDTHS.map((width) => (
          <div key={width} className="flex flex-col gap-2">
            <div className={cx('h-4 animate-pulse-soft rounded-xs bg-hover', width)} />
            <div className="h-3 w-3/5 animate-pulse-soft rounded-xs bg-hover" />
          </div>
        ))}
      </div>
    );
  }
  return (
    <>
      {isEmpty && problem === null && empty}
      {!isEmpty && (
        <ul aria-label={label} className="divide-y divide-line">
          {children}
        </ul>
      )}
      {problem !== null && (
        <Banner
          kind="danger"
          title={problem}
          action={
            <Button size="sm" onClick={onRetry}>
              {retryLabel}
            </Button>
          }
        />
      )}
      {more && problem === null && (
        <Button className="mt-3 self-center" busy={more.busy} onClick={more.run}>
          {moreLabel}
        </Button>
      )}
    </>
  );
}
