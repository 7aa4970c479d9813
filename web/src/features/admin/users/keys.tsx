'use client';

import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { KeySquare } from 'lucide-react';
import { useState } from 'react';
import { useFormatter, useTranslations } from 'use-intl';
import { AdminList } from '@/features/admin-frame';
import { useGuarded, useToldErrors } from '@/features/security';
import type { Account, ApiKey } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';
import { itemsOf } from '@/platform/query/pages';
import { Empty } from '@/ui/banner';
import { Button } from '@/ui/button';
import { ConfirmDialog } from '@/ui/dialog';
import { toast } from '@/ui/toast';
import { accountKeysQuery, revokeAccountKey } from './api';

/** Somebody's keys, which an administrator may take back. */
export function AccountKeys({ account }: { account: Account }) {
  const t = useTranslations('admin.users');
  const texts = useTranslations('apiKeys');
  const common = useTranslations('common');
  const format = useFormatter();
  const client = useQueryClient();
  const guarded = useGuarded();
  const told = useToldErrors();
  const list = useInfiniteQuery(accountKeysQuery(account.id));
  const [revoking, setRevoking] = useState<ApiKey | null>(null);
  const revoke = useMutation({
    mutationFn: (key: string) => guarded(() => revokeAccountKey({ id: account.id, key })),
    onSuccess: () => toast(t('keyRevoked')),
    onError: told,
    onSettled: () => client.invalidateQueries({ queryKey: keys.userKeys(account.id) }),
  });
  const items = itemsOf(list.data);
  return (
    <>
      <AdminList
        label={t('keys')}
        query={list}
        count={items.length}
        empty={<Empty icon={<KeySquare />} title={t('noKeys')} />}
      >
        {items.map((apiKey) => (
          <li key={apiKey.id} className="flex items-center gap-3 py-3">
            <div className="min-w-0 flex-1">
              <p className="truncate font-medium text-sm">{apiKey.name}</p>
              <p className="text-muted text-xs">
                <span className="font-mono">…{apiKey.last_four}</span>
                {' · '}
                {texts(`status.${apiKey.status}`)}
                {' · '}
                {apiKey.last_used_at
                  ? texts('used', {
                      when: format.dateTime(new Date(apiKey.last_used_at), { dateStyle: 'medium' }),
                    })
                  : texts('unused')}
              </p>
              <p className="text-muted text-xs">
                {apiKey.scopes.map((scope) => texts(`scope.${scope}`)).join(', ')}
              </p>
            </div>
            {apiKey.status !== 'revoked' && (
              <Button size="sm" disabled={revoke.isPending} onClick={() => setRevoking(apiKey)}>
                {texts('revoke')}
              </Button>
            )}
          </li>
        ))}
      </AdminList>
      <ConfirmDialog
        open={revoking !== null}
        onOpenChange={(open) => !open && setRevoking(null)}
        title={texts('revokeTitle', { name: revoking?.name ?? '' })}
        description={texts('revokeLead')}
        closeLabel={common('close')}
        confirmLabel={texts('revoke')}
        cancelLabel={common('cancel')}
        onConfirm={() => revoking && revoke.mutate(revoking.id)}
      />
    </>
  );
}
