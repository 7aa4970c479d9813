'use client';

import { ChevronDown, Eye, EyeOff } from 'lucide-react';
import { type ComponentProps, type ReactNode, useId, useState } from 'react';
import { cx } from './cx';

const INPUT =
  'w-full rounded-sm border border-line-control bg-glass px-3.5 text-text transition-[border-color,box-shadow] duration-150 hover:border-muted focus:border-accent focus:shadow-[0_0_0_4px_var(--accent-soft)] focus:outline-none disabled:opacity-60 aria-invalid:border-danger';

interface FieldProps {
  label: string;
  hint?: ReactNode;
  error?: string | null | undefined;
}

function Described({
  id,
  label,
  hint,
  error,
  children,
}: FieldProps & { id: string; children: ReactNode }) {
  return (
    <div className="flex flex-col gap-1.5">
      <label htmlFor={id} className="font-medium text-sm text-text">
        {label}
      </label>
      {children}
      {error ? (
        <p id={`${id}-note`} className="text-danger text-sm">
          {error}
        </p>
      ) : (
        hint && (
          <p id={`${id}-note`} className="text-muted text-sm">
            {hint}
          </p>
        )
      )}
    </div>
  );
}

/** One line of text with its label, help and error. */
export function TextField({
  label,
  hint,
  error,
  className,
  ...props
}: FieldProps & ComponentProps<'input'>) {
  const id = useId();
  return (
    <Described id={id} label={label} hint={hint} error={error}>
      <input
        {...props}
        id={id}
        aria-invalid={Boolean(error)}
        aria-describedby={hint || error ? `${id}-note` : undefined}
        className={cx(INPUT, 'h-11', className)}
      />
    </Described>
  );
}

/** Several lines of text. */
export function TextArea({
  label,
  hint,
  error,
  className,
  ...props
}: FieldProps & ComponentProps<'textarea'>) {
  const id = useId();
  return (
    <Described id={id} label={label} hint={hint} error={error}>
      <textarea
        {...props}
        id={id}
        aria-invalid={Boolean(error)}
        aria-describedby={hint || error ? `${id}-note` : undefined}
        className={cx(INPUT, 'py-2.5', className)}
      />
    </Described>
  );
}

/** A password that can be looked at. */
export function PasswordField({
  label,
  hint,
  error,
  showLabel,
  hideLabel,
  ...props
}: FieldProps & { showLabel: string; hideLabel: string } & Omit<ComponentProps<'input'>, 'type'>) {
  const id = useId();
  const [shown, setShown] = useState(false);
  return (
    <Described id={id} label={label} hint={hint} error={error}>
      <div className="relative">
        <input
          {...props}
          id={id}
          type={shown ? 'text' : 'password'}
          aria-invalid={Boolean(error)}
          aria-describedby={hint || error ? `${id}-note` : undefined}
          className={cx(INPUT, 'h-11 pe-12')}
        />
        <button
          type="button"
          aria-label={shown ? hideLabel : showLabel}
          aria-pressed={shown}
          onClick={() => setShown(!shown)}
          className="absolute inset-y-0 end-1 my-auto grid size-9 place-items-center rounded-xs text-muted hover:text-text"
        >
          {shown ? <EyeOff className="size-4.5" /> : <Eye className="size-4.5" />}
        </button>
      </div>
    </Described>
  );
}

/** One of a few. The device draws the list. */
export function SelectField({
  label,
  hint,
  error,
  children,
  ...props
}: FieldProps & ComponentProps<'select'>) {
  const id = useId();
  return (
    <Described id={id} label={label} hint={hint} error={error}>
      <div className="relative">
        <select
          {...props}
          id={id}
          aria-describedby={hint || error ? `${id}-note` : undefined}
          className={cx(INPUT, 'h-11 appearance-none pe-10 [&>option]:bg-card')}
        >
          {children}
        </select>
        <ChevronDown className="pointer-events-none absolute inset-y-0 end-3 my-auto size-4 text-muted" />
      </div>
    </Described>
  );
}

/** On or off, at once. */
export function Switch({
  label,
  hint,
  checked,
  disabled,
  onChange,
}: {
  label: string;
  hint?: ReactNode;
  checked: boolean;
  disabled?: boolean;
  onChange: (checked: boolean) => void;
}) {
  const id = useId();
  return (
    <div className="flex items-start justify-between gap-6">
      <div>
        <label htmlFor={id} className="font-medium text-sm">
          {label}
        </label>
        {hint && (
          <p id={`${id}-note`} className="mt-0.5 text-muted text-sm">
            {hint}
          </p>
        )}
      </div>
      <button
        id={id}
        type="button"
        role="switch"
        aria-checked={checked}
        aria-describedby={hint ? `${id}-note` : undefined}
        disabled={disabled}
        onClick={() => onChange(!checked)}
        className={cx(
          'relative h-6.5 w-12 shrink-0 rounded-full border transition-colors duration-200 disabled:opacity-50',
          checked ? 'gradient-fill border-transparent' : 'border-line-control bg-raised',
        )}
      >
        <span
          className={cx(
            'absolute top-1/2 left-1 size-4.5 -translate-y-1/2 rounded-full transition-transform duration-200',
            checked ? 'translate-x-5 bg-on-button' : 'bg-soft',
          )}
        />
      </button>
    </div>
  );
}

/** One of very few, all in view. */
export function Segmented<T extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: T;
  options: readonly { value: T; label: string; icon?: ReactNode }[];
  onChange: (value: T) => void;
}) {
  const name = useId();
  return (
    <fieldset>
      <legend className="mb-1.5 font-medium text-sm">{label}</legend>
      <div className="inline-flex flex-wrap gap-1 rounded-md border border-line bg-glass p-1">
        {options.map((option) => (
          <label
            key={option.value}
            className={cx(
              'inline-flex h-9 cursor-pointer items-center gap-2 rounded-sm px-3.5 text-sm transition-colors duration-150 has-focus-visible:outline-2 has-focus-visible:outline-accent-text',
              option.value === value
                ? 'bg-active font-medium text-text'
                : 'text-soft hover:bg-hover',
            )}
          >
            <input
              type="radio"
              name={name}
              value={option.value}
              checked={option.value === value}
              onChange={() => onChange(option.value)}
              className="sr-only"
            />
            {option.icon}
            {option.label}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
