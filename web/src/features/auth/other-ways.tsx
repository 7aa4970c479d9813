'use client';

import { useMutation, useQuery } from '@tanstack/react-query';
import { ExternalLink, KeyRound } from 'lucide-react';
import { useTranslations } from 'use-intl';
import type { Provider } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { hasPasskeys, PasskeyDismissed } from '@/platform/webauthn';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { signInByPasskey, signInOptionsQuery } from './api';

function startAddress(provider: Provider, next: string, invitation: string | null): string {
  const query = new URLSearchParams({ return_to: next });
  if (invitation) query.set('invitation', invitation);
  return `/api/v1/auth/oidc/${encodeURIComponent(provider.id)}/start?${query}`;
}

/** Signing in without the password: passkeys, and accounts elsewhere. */
export function OtherWays({
  next,
  invitation,
  onDone,
}: {
  next: string;
  invitation: string | null;
  onDone: () => void;
}) {
  const t = useTranslations('auth');
  const explain = useExplain();
  const { data: options } = useQuery(signInOptionsQuery);
  const passkey = useMutation({ mutationFn: signInByPasskey, onSuccess: onDone });
  const passkeys = options?.passkeys === true && hasPasskeys();
  if (!options || (!passkeys && options.providers.length === 0)) return null;
  return (
    <div className="flex flex-col gap-3">
      <p className="text-center text-muted text-sm">{t('or')}</p>
      {passkeys && (
        <Button
          size="lg"
          icon={<KeyRound className="size-4.5" />}
          busy={passkey.isPending}
          onClick={() => passkey.mutate()}
        >
          {t('passkey')}
        </Button>
      )}
      {options.providers.map((provider) => (
        // A navigation of the whole page: the provider sends the person back.
        <a
          key={provider.id}
          href={startAddress(provider, next, invitation)}
          className="inline-flex h-12 items-center justify-center gap-2 rounded-md border border-line-strong bg-glass px-5 font-medium hover:bg-hover active:bg-active"
        >
          <ExternalLink className="size-4.5" />
          {t('continueWith', { provider: provider.name })}
        </a>
      ))}
      {passkey.error && !(passkey.error instanceof PasskeyDismissed) && (
        <Banner kind="danger" title={explain.error(passkey.error).title}>
          {explain.error(passkey.error).detail}
        </Banner>
      )}
    </div>
  );
}
