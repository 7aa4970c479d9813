'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link2 } from 'lucide-react';
import { useTranslations } from 'use-intl';
import { signInOptionsQuery } from '@/features/auth';
import type { Security } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';
import { Button } from '@/ui/button';
import { linkIdentity, unlinkIdentity } from './api';
import { useGuarded } from './reauthentication';
import { useToldErrors } from './told-errors';

/** Accounts elsewhere that sign in here. Nothing where none can be linked. */
export function Identities({ security }: { security: Security }) {
  const t = useTranslations('security.identities');
  const client = useQueryClient();
  const guarded = useGuarded();
  const told = useToldErrors();
  const { data: options } = useQuery(signInOptionsQuery);
  const link = useMutation({
    mutationFn: (provider: string) => guarded(() => linkIdentity(provider)),
    onSuccess: ({ url }) => window.location.assign(url),
    onError: told,
  });
  const unlink = useMutation({
    mutationFn: (id: string) => guarded(() => unlinkIdentity(id)),
    onError: told,
    onSettled: () => client.invalidateQueries({ queryKey: keys.security }),
  });
  const linked = new Set(security.identities.map(({ provider }) => provider));
  const others = options?.providers.filter(({ id }) => !linked.has(id)) ?? [];
  if (security.identities.length === 0 && others.length === 0) return null;
  return (
    <div className="flex flex-col gap-4">
      <div>
        <h3 className="font-medium">{t('title')}</h3>
        <p className="text-muted text-sm">{t('lead')}</p>
      </div>
      <ul className="flex flex-col gap-3">
        {security.identities.map((identity) => (
          <li key={identity.id} className="flex flex-wrap items-center gap-3">
            <Link2 className="size-5 shrink-0 text-muted" />
            <div className="min-w-0 flex-1">
              <p className="truncate text-sm">{identity.provider_name}</p>
              {identity.label && <p className="truncate text-muted text-xs">{identity.label}</p>}
            </div>
            <Button
              size="sm"
              busy={unlink.isPending && unlink.variables === identity.id}
              onClick={() => unlink.mutate(identity.id)}
            >
              {t('unlink')}
            </Button>
          </li>
        ))}
        {others.map((provider) => (
          <li key={provider.id} className="flex flex-wrap items-center gap-3">
            <Link2 className="size-5 shrink-0 text-muted" />
            <p className="min-w-0 flex-1 truncate text-sm">{provider.name}</p>
            <Button
              size="sm"
              busy={link.isPending && link.variables === provider.id}
              onClick={() => link.mutate(provider.id)}
            >
              {t('link')}
            </Button>
          </li>
        ))}
      </ul>
    </div>
  );
}
