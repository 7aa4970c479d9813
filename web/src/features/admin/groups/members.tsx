'use client';

import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { UserMinus, UserPlus, UsersRound } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useTranslations } from 'use-intl';
import { AccountField, AdminList } from '@/features/admin-frame';
import { useToldErrors } from '@/features/security';
import { isNotFound } from '@/platform/api/problem';
import type { Group, GroupMember, GroupRole } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { keys } from '@/platform/query/keys';
import { itemsOf } from '@/platform/query/pages';
import { Empty } from '@/ui/banner';
import { Button, IconButton } from '@/ui/button';
import { SelectField } from '@/ui/field';
import { toast } from '@/ui/toast';
import { addMember, membersQuery, removeMember, setMemberRole } from './api';

const ROLES: readonly GroupRole[] = ['member', 'manager'];

function useRefresh(): () => Promise<void> {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: keys.groups });
}

function AddMember({ group }: { group: Group }) {
  const t = useTranslations('admin.groups');
  const explain = useExplain();
  const [email, setEmail] = useState('');
  const [role, setRole] = useState<GroupRole>('member');
  const add = useMutation({
    mutationFn: addMember,
    onSuccess: () => setEmail(''),
    onSettled: useRefresh(),
  });
  const wrong = isNotFound(add.error)
    ? t('noAccount')
    : add.error && (explain.field(add.error, 'email') ?? explain.error(add.error).title);
  return (
    <form
      className="grid items-start gap-3 sm:grid-cols-[1fr_9rem]"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        add.mutate({ group: group.id, email: email.trim(), role });
      }}
    >
      <AccountField
        label={t('email')}
        required
        value={email}
        error={wrong}
        onChange={(typed) => {
          add.reset();
          setEmail(typed);
        }}
      />
      <SelectField
        label={t('as')}
        value={role}
        onChange={(event) => setRole(event.target.value as GroupRole)}
      >
        {ROLES.map((value) => (
          <option key={value} value={value}>
            {t(`role.${value}`)}
          </option>
        ))}
      </SelectField>
      <Button
        type="submit"
        className="justify-self-start"
        icon={<UserPlus className="size-4" />}
        busy={add.isPending}
        disabled={email.trim() === ''}
      >
        {t('add')}
      </Button>
    </form>
  );
}

function MemberRow({ group, member }: { group: Group; member: GroupMember }) {
  const t = useTranslations('admin.groups');
  const common = useTranslations('sidebar');
  const told = useToldErrors();
  const refresh = useRefresh();
  const options = { onError: told, onSettled: refresh };
  const which = { group: group.id, user: member.user_id };
  const set = useMutation({ mutationFn: setMemberRole, ...options });
  const back = useMutation({ mutationFn: addMember, ...options });
  const remove = useMutation({
    mutationFn: removeMember,
    ...options,
    onSuccess: () => {
      const { email, role } = member;
      toast(
        t('removed', { name: member.display_name }),
        email
          ? {
              label: common('undo'),
              run: () => back.mutate({ group: group.id, email, role }),
            }
          : null,
      );
    },
  });
  return (
    <li className="flex items-center gap-2 py-3">
      <div className="min-w-0 flex-1">
        <p className="truncate font-medium text-sm">{member.display_name}</p>
        <p className="truncate text-muted text-xs">{member.email}</p>
      </div>
      <select
        aria-label={t('roleOf', { name: member.display_name })}
        value={member.role}
        disabled={set.isPending}
        onChange={(event) => set.mutate({ ...which, role: event.target.value as GroupRole })}
        className="h-8 rounded-sm border border-line-control bg-glass px-2 text-sm [&>option]:bg-card"
      >
        {ROLES.map((value) => (
          <option key={value} value={value}>
            {t(`role.${value}`)}
          </option>
        ))}
      </select>
      <IconButton
        size="sm"
        label={t('remove', { name: member.display_name })}
        disabled={remove.isPending}
        onClick={() => remove.mutate(which)}
      >
        <UserMinus className="size-4" />
      </IconButton>
    </li>
  );
}

/** Who belongs to a group. */
export function Members({ group }: { group: Group }) {
  const t = useTranslations('admin.groups');
  const list = useInfiniteQuery(membersQuery(group.id));
  const items = itemsOf(list.data);
  return (
    <div className="flex flex-col gap-4">
      <AddMember group={group} />
      <div className="flex flex-col">
        <AdminList
          label={t('membersLabel')}
          query={list}
          count={items.length}
          empty={<Empty icon={<UsersRound />} title={t('nobody')} />}
        >
          {items.map((member) => (
            <MemberRow key={member.user_id} group={group} member={member} />
          ))}
        </AdminList>
      </div>
    </div>
  );
}
