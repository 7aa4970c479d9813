'use client';

import * as Radix from '@radix-ui/react-dropdown-menu';
import type { ReactNode } from 'react';
import { cx } from './cx';

/** A menu that opens from a button. */
export function Menu({
  trigger,
  align = 'end',
  side = 'bottom',
  onOpenChange,
  children,
}: {
  trigger: ReactNode;
  align?: 'start' | 'end';
  side?: 'top' | 'bottom';
  onOpenChange?: (open: boolean) => void;
  children: ReactNode;
}) {
  return (
    // Not modal: the modal one locks scrolling with a style element.
    <Radix.Root modal={false} {...(onOpenChange ? { onOpenChange } : {})}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          align={align}
          side={side}
          sideOffset={6}
          collisionPadding={8}
          className="float z-(--layer-float) max-h-[min(26rem,var(--radix-dropdown-menu-content-available-height))] min-w-44 animate-fade overflow-y-auto p-1.5"
        >
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** One act of a menu. */
export function MenuItem({
  icon,
  danger = false,
  disabled,
  onSelect,
  children,
}: {
  icon?: ReactNode;
  danger?: boolean;
  disabled?: boolean;
  onSelect: () => void;
  children: ReactNode;
}) {
  return (
    <Radix.Item
      {...(disabled === undefined ? {} : { disabled })}
      onSelect={onSelect}
      className={cx(
        'flex min-h-9 cursor-pointer select-none items-center gap-2.5 rounded-xs px-2.5 text-sm outline-none data-highlighted:bg-hover data-disabled:opacity-50 [&>svg]:size-4 [&>svg]:shrink-0',
        danger ? 'text-danger' : 'text-text [&>svg]:text-muted',
      )}
    >
      {icon}
      {children}
    </Radix.Item>
  );
}

/** A line between groups of acts. */
export function MenuSeparator() {
  return <Radix.Separator className="my-1.5 h-px bg-line" />;
}
