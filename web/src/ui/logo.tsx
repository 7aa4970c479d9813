import { useId } from 'react';
import { cx } from './cx';

/** The mark: an open ring around a spark. */
export function Logo({ className }: { className?: string }) {
  const id = useId();
  return (
    <svg viewBox="0 0 32 32" className={cx('size-8', className)} aria-hidden="true">
      <defs>
        <linearGradient id={id} x1="0" y1="0" x2="1" y2="1">
          <stop offset="0" stopColor="#667eea" />
          <stop offset="1" stopColor="#9a5fd0" />
        </linearGradient>
      </defs>
      <path
        d="M26.2 11.2A11.5 11.5 0 1 0 27.5 16"
        fill="none"
        stroke={`url(#${id})`}
        strokeWidth="3.4"
        strokeLinecap="round"
      />
      <path
        d="M16 9.5c.7 3.9 2.6 5.8 6.5 6.5-3.9.7-5.8 2.6-6.5 6.5-.7-3.9-2.6-5.8-6.5-6.5 3.9-.7 5.8-2.6 6.5-6.5Z"
        fill={`url(#${id})`}
      />
    </svg>
  );
}
