'use client';

import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { Copy, MailPlus } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useFormatter, useTranslations } from 'use-intl';
import { AdminList } from '@/features/admin-frame';
import type { CreatedInvitation, Invitation } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { copyText } from '@/platform/files';
import { keys } from '@/platform/query/keys';
import { itemsOf } from '@/platform/query/pages';
import { Banner, Empty } from '@/ui/banner';
import { Button } from '@/ui/button';
import { SelectField, TextField } from '@/ui/field';
import { Section } from '@/ui/section';
import { toast, toastError } from '@/ui/toast';
import { createInvitation, invitationsQuery, revokeInvitation } from './api';

const HOURS = [24, 168, 720] as const;
const STATUSES = ['open', 'used', 'revoked', 'expired'] as const;

function Created({ created }: { created: CreatedInvitation }) {
  const t = useTranslations('admin.invitations');
  const code = useTranslations('code');
  const link = new URL(created.path, window.location.origin).href;
  return (
    <Banner
      kind="success"
      title={t('created')}
      action={
        <Button
          size="sm"
          icon={<Copy className="size-4" />}
          onClick={() => void copyText(link).then((done) => done && toast(code('copied')))}
        >
          {t('copyLink')}
        </Button>
      }
    >
      <p>{t('createdHelp')}</p>
      <p className="mt-1 break-all font-mono text-text text-xs">{link}</p>
    </Banner>
  );
}

function InvitationRow({ invitation, onRevoke }: { invitation: Invitation; onRevoke: () => void }) {
  const t = useTranslations('admin.invitations');
  const format = useFormatter();
  const status = STATUSES.find((known) => known === invitation.status) ?? 'expired';
  return (
    <li className="flex items-center gap-3 py-3">
      <div className="min-w-0 flex-1">
        <p className="truncate text-sm">{invitation.email ?? t('anyone')}</p>
        <p className="text-muted text-xs">
          {t(invitation.role === 'admin' ? 'role.admin' : 'role.user')} · {t(`status.${status}`)}
          {status === 'open' &&
            ` · ${t('until', {
              when: format.dateTime(new Date(invitation.expires_at), {
                dateStyle: 'medium',
                timeStyle: 'short',
              }),
            })}`}
        </p>
      </div>
      {status === 'open' && (
        <Button size="sm" onClick={onRevoke}>
          {t('revoke')}
        </Button>
      )}
    </li>
  );
}

/** Who may come in, while registration is by invitation. */
export function Invitations() {
  const t = useTranslations('admin.invitations');
  const explain = useExplain();
  const client = useQueryClient();
  const list = useInfiniteQuery(invitationsQuery);
  const items = itemsOf(list.data);
  const [email, setEmail] = useState('');
  const [role, setRole] = useState('user');
  const [hours, setHours] = useState<number>(168);
  const refresh = () => client.invalidateQueries({ queryKey: keys.invitations });
  const create = useMutation({
    mutationFn: createInvitation,
    onSuccess: () => setEmail(''),
    onSettled: refresh,
  });
  const revoke = useMutation({
    mutationFn: revokeInvitation,
    onError: (error) => toastError(explain.error(error).title),
    onSettled: refresh,
  });
  return (
    <Section id="invitations" title={t('title')} lead={t('lead')}>
      <form
        className="grid gap-4 sm:grid-cols-3"
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          create.mutate({ email: email.trim() || null, role, expires_in_hours: hours });
        }}
      >
        <TextField
          label={t('email')}
          type="email"
          placeholder={t('anyone')}
          value={email}
          maxLength={254}
          error={explain.field(create.error, 'email')}
          onChange={(event) => setEmail(event.target.value)}
        />
        <SelectField
          label={t('roleLabel')}
          value={role}
          onChange={(event) => setRole(event.target.value)}
        >
          <option value="user">{t('role.user')}</option>
          <option value="admin">{t('role.admin')}</option>
        </SelectField>
        <SelectField
          label={t('expires')}
          value={hours}
          onChange={(event) => setHours(Number(event.target.value))}
        >
          {HOURS.map((value) => (
            <option key={value} value={value}>
              {t('days', { count: value / 24 })}
            </option>
          ))}
        </SelectField>
        <Button
          type="submit"
          className="justify-self-start sm:col-span-3"
          busy={create.isPending}
          icon={<MailPlus className="size-4" />}
        >
          {t('create')}
        </Button>
      </form>
      {create.error && !explain.field(create.error, 'email') && (
        <Banner kind="danger" title={explain.error(create.error).title} />
      )}
      {create.data && <Created created={create.data} />}
      <div className="flex flex-col border-line border-t pt-3">
        <AdminList
          label={t('title')}
          query={list}
          count={items.length}
          empty={<Empty icon={<MailPlus />} title={t('none')} />}
        >
          {items.map((invitation) => (
            <InvitationRow
              key={invitation.id}
              invitation={invitation}
              onRevoke={() => revoke.mutate(invitation.id)}
            />
          ))}
        </AdminList>
      </div>
    </Section>
  );
}
