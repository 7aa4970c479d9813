'use client';

import { useMutation } from '@tanstack/react-query';
import { KeyRound } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useTranslations } from 'use-intl';
import type { FactorMethod } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { hasPasskeys, PasskeyDismissed } from '@/platform/webauthn';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { TextField } from '@/ui/field';
import { proveByCode, proveByPasskey } from './api';
import type { SecondFactor } from './second-factor';

/** The second step of signing in. */
export function FactorForm({
  factor,
  onDone,
  onBack,
}: {
  factor: SecondFactor;
  onDone: () => void;
  onBack: () => void;
}) {
  const t = useTranslations('auth.factor');
  const explain = useExplain();
  const typed = factor.methods.filter((method) => method !== 'passkey');
  const [method, setMethod] = useState<FactorMethod | undefined>(typed[0]);
  const [code, setCode] = useState('');
  const byCode = useMutation({ mutationFn: proveByCode, onSuccess: onDone });
  const byPasskey = useMutation({ mutationFn: proveByPasskey, onSuccess: onDone });
  const other = typed.find((candidate) => candidate !== method);
  const failed = byCode.error ?? byPasskey.error;

  function onSubmit(event: FormEvent) {
    event.preventDefault();
    if (method) byCode.mutate({ challenge: factor.challenge, method, code });
  }

  return (
    <form onSubmit={onSubmit} className="flex flex-col gap-5">
      {method && (
        <>
          <TextField
            key={method}
            label={t(method === 'totp' ? 'code' : 'backupCode')}
            hint={t(method === 'totp' ? 'codeHelp' : 'backupCodeHelp')}
            name="code"
            autoComplete="one-time-code"
            inputMode={method === 'totp' ? 'numeric' : 'text'}
            autoFocus
            required
            maxLength={40}
            value={code}
            onChange={(event) => setCode(event.target.value)}
          />
          <Button type="submit" kind="primary" size="lg" busy={byCode.isPending}>
            {t('confirm')}
          </Button>
        </>
      )}
      {factor.methods.includes('passkey') && hasPasskeys() && (
        <Button
          size="lg"
          icon={<KeyRound className="size-4.5" />}
          busy={byPasskey.isPending}
          onClick={() => byPasskey.mutate(factor.challenge)}
        >
          {t('usePasskey')}
        </Button>
      )}
      {failed && !(failed instanceof PasskeyDismissed) && (
        <Banner kind="danger" title={explain.error(failed).title}>
          {explain.error(failed).detail}
        </Banner>
      )}
      <div className="flex flex-wrap justify-between gap-2 text-sm">
        <button type="button" className="text-accent-text hover:underline" onClick={onBack}>
          {t('back')}
        </button>
        {other && (
          <button
            type="button"
            className="text-accent-text hover:underline"
            onClick={() => {
              setMethod(other);
              setCode('');
              byCode.reset();
            }}
          >
            {t(other === 'totp' ? 'useCode' : 'useBackupCode')}
          </button>
        )}
      </div>
    </form>
  );
}
