'use client';

import * as Radix from '@radix-ui/react-popover';
import type { ReactNode } from 'react';

/** A small panel that opens from a button. */
export function Popover({
  open,
  onOpenChange,
  trigger,
  label,
  align = 'start',
  side = 'bottom',
  children,
}: {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  trigger: ReactNode;
  label: string;
  align?: 'start' | 'end';
  side?: 'top' | 'bottom';
  children: ReactNode;
}) {
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          aria-label={label}
          align={align}
          side={side}
          sideOffset={8}
          collisionPadding={8}
          className="float z-(--layer-float) animate-fade focus:outline-none"
        >
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
