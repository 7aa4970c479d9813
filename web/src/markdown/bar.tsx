import { Check } from 'lucide-react';
import type { ReactNode } from 'react';

/** What can be done with a piece of an answer, above it. */
export function Bar({ label, children }: { label: ReactNode; children: ReactNode }) {
  return (
    <div className="flex flex-wrap items-center gap-1 border-line border-b py-1 ps-4 pe-1.5">
      <span className="me-auto font-mono text-muted text-xs">{label}</span>
      {children}
    </div>
  );
}

/** An act of the bar: an icon, and words where they are needed to tell it. */
export function BarButton({
  label,
  text,
  icon,
  pressed,
  done = false,
  onClick,
}: {
  label: string;
  text?: string;
  icon: ReactNode;
  pressed?: boolean;
  /** Whether it has just been done. */
  done?: boolean;
  onClick: () => void;
}) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      {...(pressed === undefined ? {} : { 'aria-pressed': pressed })}
      onClick={onClick}
      className="inline-flex h-7 min-w-7 items-center justify-center gap-1.5 rounded-xs px-2 text-muted text-xs hover:bg-hover hover:text-text aria-pressed:text-accent-text [&>svg]:size-3.5"
    >
      {done ? <Check className="text-success" /> : icon}
      {text}
    </button>
  );
}
