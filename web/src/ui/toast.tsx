'use client';

import { X } from 'lucide-react';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { IconButton } from './button';
import { cx } from './cx';

interface ToastAction {
  label: string;
  run: () => void;
}

interface Toast {
  id: number;
  kind: 'info' | 'danger';
  text: string;
  action: ToastAction | null;
}

const SHOWN_MS = 8_000;
let toasts: readonly Toast[] = [];
let nextId = 1;
const listeners = new Set<() => void>();
const nothing: readonly Toast[] = [];

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

/** Says that something happened, with a way to take it back. */
export function toast(text: string, action: ToastAction | null = null): void {
  set([...toasts.slice(-2), { id: nextId++, kind: 'info', text, action }]);
}

/** Says that something did not work, where no better place shows it. */
export function toastError(text: string): void {
  set([...toasts.slice(-2), { id: nextId++, kind: 'danger', text, action: null }]);
}

function dismiss(id: number): void {
  set(toasts.filter((toast) => toast.id !== id));
}

function Item({ item, closeLabel }: { item: Toast; closeLabel: string }) {
  const [held, setHeld] = useState(false);
  useEffect(() => {
    if (held) return;
    const timer = setTimeout(() => dismiss(item.id), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [held, item.id]);
  return (
    <li
      onMouseEnter={() => setHeld(true)}
      onMouseLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
      className="float pointer-events-auto flex animate-rise items-center gap-3 py-2 ps-4 pe-2 text-sm"
    >
      <span className={cx('min-w-0 flex-1', item.kind === 'danger' && 'text-danger')}>
        {item.text}
      </span>
      {item.action && (
        <button
          type="button"
          onClick={() => {
            item.action?.run();
            dismiss(item.id);
          }}
          className="rounded-xs px-2 py-1 font-medium text-accent-text hover:bg-hover"
        >
          {item.action.label}
        </button>
      )}
      <IconButton label={closeLabel} size="sm" onClick={() => dismiss(item.id)}>
        <X className="size-4" />
      </IconButton>
    </li>
  );
}

/** Where toasts appear; once a page. */
export function Toaster({ closeLabel }: { closeLabel: string }) {
  const items = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
    () => nothing,
  );
  return (
    <ul
      aria-live="polite"
      className="pointer-events-none fixed bottom-4 left-1/2 z-(--layer-toast) flex w-[min(28rem,calc(100vw-2rem))] -translate-x-1/2 flex-col gap-2"
    >
      {items.map((item) => (
        <Item key={item.id} item={item} closeLabel={closeLabel} />
      ))}
    </ul>
  );
}
