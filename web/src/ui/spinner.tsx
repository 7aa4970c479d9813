import { cx } from './cx';

/** Something is under way. What it is stands beside it. */
export function Spinner({ className }: { className?: string }) {
  return (
    <span
      aria-hidden="true"
      className={cx(
        'inline-block size-4 animate-turn rounded-full border-2 border-current border-t-transparent opacity-80',
        className,
      )}
    />
  );
}
