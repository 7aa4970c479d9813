'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { KeyRound } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useFormatter, useTranslations } from 'use-intl';
import type { Passkey, PasskeyChallenge, Security } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';
import { hasPasskeys } from '@/platform/webauthn';
import { Button } from '@/ui/button';
import { ConfirmDialog, Dialog } from '@/ui/dialog';
import { TextField } from '@/ui/field';
import { addPasskey, passkeyOptions, removePasskey, renamePasskey } from './api';
import { useGuarded } from './reauthentication';
import { useToldErrors } from './told-errors';

function Naming({
  initial,
  submitLabel,
  busy,
  onName,
}: {
  initial: string;
  submitLabel: string;
  busy: boolean;
  onName: (name: string) => void;
}) {
  const t = useTranslations('security.passkeys');
  const [name, setName] = useState(initial);
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        onName(name.trim());
      }}
    >
      <TextField
        label={t('name')}
        hint={t('nameHelp')}
        required
        maxLength={60}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <Button
        type="submit"
        kind="primary"
        className="self-end"
        busy={busy}
        disabled={name.trim() === ''}
      >
        {submitLabel}
      </Button>
    </form>
  );
}

function PasskeyRow({
  passkey,
  onRename,
  onRemove,
}: {
  passkey: Passkey;
  onRename: () => void;
  onRemove: () => void;
}) {
  const t = useTranslations('security.passkeys');
  const format = useFormatter();
  const day = (when: string) => format.dateTime(new Date(when), { dateStyle: 'medium' });
  return (
    <li className="flex flex-wrap items-center gap-3">
      <KeyRound className="size-5 shrink-0 text-muted" />
      <div className="min-w-0 flex-1">
        <p className="truncate text-sm">{passkey.name}</p>
        <p className="text-muted text-xs">
          {t('added', { when: day(passkey.created_at) })}
          {passkey.last_used_at && ` · ${t('used', { when: day(passkey.last_used_at) })}`}
        </p>
      </div>
      <Button size="sm" kind="quiet" onClick={onRename}>
        {t('rename')}
      </Button>
      <Button size="sm" onClick={onRemove}>
        {t('remove')}
      </Button>
    </li>
  );
}

/** Keys on the person's devices that sign in without a password. */
export function Passkeys({ security }: { security: Security }) {
  const t = useTranslations('security.passkeys');
  const common = useTranslations('common');
  const client = useQueryClient();
  const guarded = useGuarded();
  const told = useToldErrors();
  const [asked, setAsked] = useState<PasskeyChallenge | null>(null);
  const [renaming, setRenaming] = useState<Passkey | null>(null);
  const [removing, setRemoving] = useState<Passkey | null>(null);
  const options = {
    onError: told,
    onSettled: () => client.invalidateQueries({ queryKey: keys.security }),
  };
  const begin = useMutation({
    mutationFn: () => guarded(passkeyOptions),
    onSuccess: setAsked,
    onError: told,
  });
  const add = useMutation({
    mutationFn: (given: { name: string; asked: PasskeyChallenge }) =>
      addPasskey(given.name, given.asked),
    ...options,
    onSuccess: () => setAsked(null),
  });
  const rename = useMutation({
    mutationFn: renamePasskey,
    ...options,
    onSuccess: () => setRenaming(null),
  });
  const remove = useMutation({
    mutationFn: (id: string) => guarded(() => removePasskey(id)),
    ...options,
  });
  return (
    <div className="flex flex-col gap-4">
      <div className="flex flex-wrap items-start justify-between gap-3">
        <div className="min-w-0 flex-1">
          <h3 className="font-medium">{t('title')}</h3>
          <p className="text-muted text-sm">{t(hasPasskeys() ? 'lead' : 'unsupported')}</p>
        </div>
        {hasPasskeys() && (
          <Button busy={begin.isPending} onClick={() => begin.mutate()}>
            {t('add')}
          </Button>
        )}
      </div>
      {security.passkeys.length > 0 && (
        <ul className="flex flex-col gap-3">
          {security.passkeys.map((passkey) => (
            <PasskeyRow
              key={passkey.id}
              passkey={passkey}
              onRename={() => setRenaming(passkey)}
              onRemove={() => setRemoving(passkey)}
            />
          ))}
        </ul>
      )}
      <Dialog
        open={asked !== null}
        onOpenChange={(open) => !open && setAsked(null)}
        title={t('addTitle')}
        description={t('addLead')}
        closeLabel={common('close')}
      >
        {asked && (
          <Naming
            initial={t('defaultName', { number: security.passkeys.length + 1 })}
            submitLabel={t('addNow')}
            busy={add.isPending}
            onName={(name) => add.mutate({ name, asked })}
          />
        )}
      </Dialog>
      <Dialog
        open={renaming !== null}
        onOpenChange={(open) => !open && setRenaming(null)}
        title={t('rename')}
        closeLabel={common('close')}
      >
        {renaming && (
          <Naming
            initial={renaming.name}
            submitLabel={common('save')}
            busy={rename.isPending}
            onName={(name) => rename.mutate({ id: renaming.id, name })}
          />
        )}
      </Dialog>
      <ConfirmDialog
        open={removing !== null}
        onOpenChange={(open) => !open && setRemoving(null)}
        title={t('removeTitle', { name: removing?.name ?? '' })}
        description={t('removeLead')}
        closeLabel={common('close')}
        confirmLabel={t('remove')}
        cancelLabel={common('cancel')}
        onConfirm={() => removing && remove.mutate(removing.id)}
      />
    </div>
  );
}
