import type { ReactNode } from 'react';
import { cx } from './cx';

const KINDS = {
  plain: 'bg-hover text-soft',
  accent: 'bg-accent-soft text-accent-text',
  success: 'bg-success-soft text-success',
  warning: 'bg-warning-soft text-warning',
  danger: 'bg-danger-soft text-danger',
} as const;

/** A word about what stands beside it. */
export function Badge({
  kind = 'plain',
  children,
}: {
  kind?: keyof typeof KINDS;
  children: ReactNode;
}) {
  return (
    <span className={cx('shrink-0 rounded-xs px-1.5 py-0.5 font-normal text-xs', KINDS[kind])}>
      {children}
    </span>
  );
}
