'use client';

import * as Radix from '@radix-ui/react-dialog';
import { X } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button, IconButton } from './button';
import { useOpener } from './opener';

interface DialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  description?: ReactNode;
  closeLabel: string;
  children?: ReactNode;
}

// Radix's own overlay locks scrolling with a style element, which the CSP
// forbids: ours is a plain element, and globals.css locks.
function Overlay() {
  return (
    <div
      aria-hidden="true"
      className="fixed inset-0 z-(--layer-dialog) animate-fade bg-overlay md:backdrop-blur-sm"
    />
  );
}

/** A dialog in the middle of the page. */
export function Dialog({
  open,
  onOpenChange,
  title,
  description,
  closeLabel,
  children,
}: DialogProps) {
  const giveBack = useOpener(open);
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Overlay />
        <Radix.Content
          data-modal=""
          onCloseAutoFocus={giveBack}
          {...(description ? {} : { 'aria-describedby': undefined })}
          className="float fixed top-1/2 left-1/2 z-(--layer-dialog) max-h-[calc(100dvh-2rem)] w-[min(32rem,calc(100vw-2rem))] -translate-x-1/2 -translate-y-1/2 overflow-y-auto rounded-lg p-6 focus:outline-none"
        >
          <div className="flex items-start justify-between gap-4">
            <Radix.Title className="font-semibold text-lg">{title}</Radix.Title>
            <Radix.Close asChild>
              <IconButton label={closeLabel} size="sm" className="-me-2 -mt-1">
                <X className="size-4.5" />
              </IconButton>
            </Radix.Close>
          </div>
          {description && (
            <Radix.Description className="mt-1 text-soft">{description}</Radix.Description>
          )}
          {children && <div className="mt-5">{children}</div>}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** Asks before something that cannot be undone. */
export function ConfirmDialog({
  confirmLabel,
  cancelLabel,
  onConfirm,
  ...props
}: Omit<DialogProps, 'children'> & {
  confirmLabel: string;
  cancelLabel: string;
  onConfirm: () => void;
}) {
  return (
    <Dialog {...props}>
      <div className="flex justify-end gap-2">
        <Button onClick={() => props.onOpenChange(false)}>{cancelLabel}</Button>
        <Button
          kind="danger"
          onClick={() => {
            props.onOpenChange(false);
            onConfirm();
          }}
        >
          {confirmLabel}
        </Button>
      </div>
    </Dialog>
  );
}

/** A panel from the side, for what a phone has no room for. */
export function Drawer({
  open,
  onOpenChange,
  title,
  children,
}: {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  children: ReactNode;
}) {
  const giveBack = useOpener(open);
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Overlay />
        <Radix.Content
          data-modal=""
          onCloseAutoFocus={giveBack}
          aria-describedby={undefined}
          className="fixed inset-y-0 left-0 z-(--layer-dialog) w-[min(20rem,86vw)] animate-fade border-line border-e bg-sidebar focus:outline-none"
        >
          <Radix.Title className="sr-only">{title}</Radix.Title>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
