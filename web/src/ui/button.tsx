import type { ComponentProps, ReactNode } from 'react';
import { cx } from './cx';
import { Spinner } from './spinner';

const KINDS = {
  primary: 'gradient-fill shadow-card hover:brightness-110 active:brightness-95',
  plain: 'border border-line-strong bg-glass text-text hover:bg-hover active:bg-active',
  quiet: 'text-soft hover:bg-hover hover:text-text active:bg-active',
  danger: 'bg-danger-fill text-on-button hover:brightness-110',
} as const;

const SIZES = {
  sm: 'h-8 gap-1.5 rounded-sm px-3 text-sm',
  md: 'h-10 gap-2 rounded-sm px-4 text-[0.9375rem]',
  lg: 'h-12 gap-2 rounded-md px-5 text-base',
} as const;

interface ButtonProps extends ComponentProps<'button'> {
  kind?: keyof typeof KINDS;
  size?: keyof typeof SIZES;
  busy?: boolean;
  icon?: ReactNode;
}

/** A button that says what it does. */
export function Button({
  kind = 'plain',
  size = 'md',
  busy = false,
  icon,
  className,
  children,
  disabled,
  type = 'button',
  ...props
}: ButtonProps) {
  return (
    <button
      {...props}
      type={type}
      disabled={disabled || busy}
      aria-busy={busy}
      className={cx(
        'inline-flex shrink-0 select-none items-center justify-center whitespace-nowrap font-medium transition-[background-color,color,filter,transform] duration-150 active:scale-[0.985] disabled:opacity-50',
        KINDS[kind],
        SIZES[size],
        className,
      )}
    >
      {busy ? <Spinner /> : icon}
      {children}
    </button>
  );
}

const ICON_SIZES = { sm: 'size-8', md: 'size-9', lg: 'size-10' } as const;

interface IconButtonProps extends Omit<ComponentProps<'button'>, 'children'> {
  label: string;
  size?: keyof typeof ICON_SIZES;
  kind?: keyof typeof KINDS;
  round?: boolean;
  children: ReactNode;
}

/** A button that shows what it does; its label is read and hovered. */
export function IconButton({
  label,
  size = 'md',
  kind = 'quiet',
  round = false,
  className,
  children,
  type = 'button',
  ...props
}: IconButtonProps) {
  return (
    <button
      title={label}
      {...props}
      type={type}
      aria-label={label}
      className={cx(
        'inline-flex shrink-0 items-center justify-center transition-[background-color,color,filter] duration-150 disabled:opacity-40',
        round ? 'rounded-full' : 'rounded-sm',
        ICON_SIZES[size],
        KINDS[kind],
        className,
      )}
    >
      {children}
    </button>
  );
}
