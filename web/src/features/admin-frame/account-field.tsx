'use client';

import { type ComponentProps, useId } from 'react';
import { TextField } from '@/ui/field';
import { useFoundAccounts } from './accounts';

/** An account by its e-mail: the server finds it by name as well. */
export function AccountField({
  value,
  onChange,
  ...props
}: { value: string; onChange: (email: string) => void } & Omit<
  ComponentProps<typeof TextField>,
  'value' | 'onChange' | 'type' | 'list'
>) {
  const listId = useId();
  const found = useFoundAccounts(value);
  return (
    <>
      <TextField
        {...props}
        type="text"
        inputMode="email"
        list={listId}
        autoComplete="off"
        maxLength={254}
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
      <datalist id={listId}>
        {found.map(
          ({ id, email, display_name }) =>
            email && (
              <option key={id} value={email}>
                {display_name}
              </option>
            ),
        )}
      </datalist>
    </>
  );
}
