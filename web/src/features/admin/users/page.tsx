'use client';

import {
  keepPreviousData,
  useInfiniteQuery,
  useMutation,
  useQueryClient,
} from '@tanstack/react-query';
import { Copy, UserSearch } from 'lucide-react';
import { useState } from 'react';
import { useFormatter, useTranslations } from 'use-intl';
import { AdminList, AdminPage, accountsQuery, useSettled } from '@/features/admin-frame';
import { useGuarded, useToldErrors } from '@/features/security';
import { isNotFound } from '@/platform/api/problem';
import type { Account, PasswordResetLink, UpdateAccount } from '@/platform/api/types';
import { copyText } from '@/platform/files';
import { keys } from '@/platform/query/keys';
import { itemsOf } from '@/platform/query/pages';
import { PageLink } from '@/platform/route';
import { Empty } from '@/ui/banner';
import { Button } from '@/ui/button';
import { ConfirmDialog, Dialog } from '@/ui/dialog';
import { SelectField, TextField } from '@/ui/field';
import { toast, toastError } from '@/ui/toast';
import { createResetLink, removeSecondFactor, updateAccount } from './api';
import { AccountKeys } from './keys';
import { AccountRow, type Act } from './row';

const CHANGES: Partial<Record<Act, UpdateAccount>> = {
  promote: { role: 'admin' },
  demote: { role: 'user' },
  activate: { is_active: true },
  deactivate: { is_active: false },
};

/** What part of the accounts is shown, and what the server is asked for. */
const SHOWN = {
  all: { role: null, status: null },
  admin: { role: 'admin', status: null },
  user: { role: 'user', status: null },
  inactive: { role: null, status: 'inactive' },
} as const;
type Shown = keyof typeof SHOWN;
const ALL_SHOWN = Object.keys(SHOWN) as Shown[];

/** What is asked about before it is done; the rest is only looked at. */
type Asked = { account: Account; act: Exclude<Act, 'keys'> };

function ResetLink({ link }: { link: PasswordResetLink }) {
  const t = useTranslations('admin.users');
  const code = useTranslations('code');
  const format = useFormatter();
  return (
    <div className="flex flex-col gap-4">
      <code className="break-all rounded-md border border-line bg-glass p-3 font-mono text-sm">
        {link.url}
      </code>
      <p className="text-soft text-sm">
        {t('resetUntil', {
          when: format.dateTime(new Date(link.expires_at), {
            dateStyle: 'medium',
            timeStyle: 'short',
          }),
        })}
      </p>
      <Button
        kind="primary"
        className="self-end"
        icon={<Copy className="size-4" />}
        onClick={() => void copyText(link.url).then((done) => done && toast(code('copied')))}
      >
        {t('copyLink')}
      </Button>
    </div>
  );
}

function Users() {
  const t = useTranslations('admin.users');
  const common = useTranslations('common');
  const client = useQueryClient();
  const guarded = useGuarded();
  const told = useToldErrors();
  const [text, setText] = useState('');
  const [shown, setShown] = useState<Shown>('all');
  const [asked, setAsked] = useState<Asked | null>(null);
  const [keysOf, setKeysOf] = useState<Account | null>(null);
  const [link, setLink] = useState<PasswordResetLink | null>(null);
  const q = useSettled(text.trim()) || null;
  const list = useInfiniteQuery({
    ...accountsQuery({ q, ...SHOWN[shown] }),
    placeholderData: keepPreviousData,
  });
  const found = itemsOf(list.data);

  const act = useMutation({
    mutationFn: async ({ account: { id }, act }: Asked) =>
      guarded(async () => {
        const body = CHANGES[act];
        if (body) await updateAccount({ id, body });
        else if (act === 'unsecond') await removeSecondFactor(id);
        else return createResetLink(id);
        return null;
      }),
    onSuccess: (made, { account, act }) => {
      if (made) setLink(made);
      else if (act !== 'reset') toast(t(`done.${act}`, { name: account.display_name }));
    },
    onError: (error, { act }) => {
      if (act === 'unsecond' && isNotFound(error)) toastError(t('noSecond'));
      else told(error);
    },
    onSettled: () => client.invalidateQueries({ queryKey: keys.users }),
  });

  return (
    <section className="glass flex flex-col rounded-lg p-5 sm:p-6">
      <div className="grid items-end gap-3 sm:grid-cols-[1fr_14rem]">
        <TextField
          label={t('search')}
          type="search"
          placeholder={t('searchHint')}
          value={text}
          maxLength={200}
          onChange={(event) => setText(event.target.value)}
        />
        <SelectField
          label={t('shown')}
          value={shown}
          onChange={(event) => setShown(event.target.value as Shown)}
        >
          {ALL_SHOWN.map((value) => (
            <option key={value} value={value}>
              {t(`show.${value}`)}
            </option>
          ))}
        </SelectField>
      </div>
      <p role="status" className="mt-3 min-h-5 text-muted text-sm">
        {list.data && t(list.hasNextPage ? 'first' : 'count', { count: found.length })}
      </p>
      <AdminList
        label={t('label')}
        query={list}
        count={found.length}
        empty={<Empty icon={<UserSearch />} title={t('none')} />}
      >
        {found.map((account) => (
          <AccountRow
            key={account.id}
            account={account}
            onAct={(wanted) =>
              wanted === 'keys' ? setKeysOf(account) : setAsked({ account, act: wanted })
            }
          />
        ))}
      </AdminList>
      <p className="mt-4 border-line border-t pt-4 text-muted text-sm">
        {t.rich('invite', {
          link: (chunks) => (
            <PageLink href="/admin/registration" className="text-accent-text underline">
              {chunks}
            </PageLink>
          ),
        })}
      </p>
      <ConfirmDialog
        open={asked !== null}
        onOpenChange={(open) => !open && setAsked(null)}
        title={asked ? t(`ask.${asked.act}.title`, { name: asked.account.display_name }) : ''}
        description={asked ? t(`ask.${asked.act}.lead`) : ''}
        closeLabel={common('close')}
        confirmLabel={asked ? t(asked.act) : ''}
        cancelLabel={common('cancel')}
        onConfirm={() => asked && act.mutate(asked)}
      />
      <Dialog
        open={keysOf !== null}
        onOpenChange={(open) => !open && setKeysOf(null)}
        title={t('keysOf', { name: keysOf?.display_name ?? '' })}
        closeLabel={common('close')}
      >
        {keysOf && <AccountKeys account={keysOf} />}
      </Dialog>
      <Dialog
        open={link !== null}
        onOpenChange={(open) => !open && setLink(null)}
        title={t('resetTitle')}
        description={t('resetLead')}
        closeLabel={common('close')}
      >
        {link && <ResetLink link={link} />}
      </Dialog>
    </section>
  );
}

/** /admin */
export function UsersPage() {
  return (
    <AdminPage place="users">
      <Users />
    </AdminPage>
  );
}
