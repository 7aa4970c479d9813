'use client';

import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { Plus, Trash2, UsersRound } from 'lucide-react';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { AdminList, AdminPage } from '@/features/admin-frame';
import { useToldErrors } from '@/features/security';
import type { Group } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';
import { itemsOf } from '@/platform/query/pages';
import { Empty } from '@/ui/banner';
import { Button, IconButton } from '@/ui/button';
import { ConfirmDialog, Dialog } from '@/ui/dialog';
import { toast } from '@/ui/toast';
import { createGroup, groupsQuery, removeGroup, updateGroup } from './api';
import { GroupForm } from './form';
import { Members } from './members';

type Open = { what: 'new' } | { what: 'edit' | 'members' | 'remove'; group: Group };

function GroupRow({ group, onOpen }: { group: Group; onOpen: (open: Open) => void }) {
  const t = useTranslations('admin.groups');
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-2 py-4">
      <div className="min-w-0 flex-1 basis-56">
        <p className="truncate font-medium text-sm">{group.name}</p>
        {group.description && <p className="text-soft text-sm">{group.description}</p>}
        <p className="text-muted text-xs">
          {t('members', { count: group.members })}
          {' · '}
          {group.allowed_models
            ? t('onlyModels', { models: group.allowed_models.join(', ') })
            : t('allModels')}
        </p>
      </div>
      <div className="flex items-center gap-2">
        <Button size="sm" onClick={() => onOpen({ what: 'members', group })}>
          {t('showMembers')}
        </Button>
        <Button size="sm" kind="quiet" onClick={() => onOpen({ what: 'edit', group })}>
          {t('edit')}
        </Button>
        <IconButton
          size="sm"
          label={t('delete', { name: group.name })}
          onClick={() => onOpen({ what: 'remove', group })}
        >
          <Trash2 className="size-4" />
        </IconButton>
      </div>
    </li>
  );
}

function Groups() {
  const t = useTranslations('admin.groups');
  const common = useTranslations('common');
  const client = useQueryClient();
  const told = useToldErrors();
  const list = useInfiniteQuery(groupsQuery);
  const items = itemsOf(list.data);
  const [open, setOpen] = useState<Open | null>(null);
  const close = () => setOpen(null);
  const onSettled = () => client.invalidateQueries({ queryKey: keys.groups });
  const create = useMutation({ mutationFn: createGroup, onSuccess: close, onSettled });
  const update = useMutation({ mutationFn: updateGroup, onSuccess: close, onSettled });
  const remove = useMutation({
    mutationFn: removeGroup,
    onSuccess: () => toast(t('deleted')),
    onError: told,
    onSettled,
  });
  const begin = (next: Open) => {
    create.reset();
    update.reset();
    setOpen(next);
  };
  const editing = open?.what === 'edit' ? open.group : null;
  const showing = open?.what === 'members' ? open.group : null;
  const removing = open?.what === 'remove' ? open.group : null;
  const onOpenChange = (shown: boolean) => !shown && close();
  return (
    <section className="glass flex flex-col rounded-lg p-5 sm:p-6">
      <Button
        kind="primary"
        className="self-end"
        icon={<Plus className="size-4" />}
        onClick={() => begin({ what: 'new' })}
      >
        {t('create')}
      </Button>
      <AdminList
        label={t('label')}
        query={list}
        count={items.length}
        empty={
          <Empty icon={<UsersRound />} title={t('none')}>
            {t('noneHelp')}
          </Empty>
        }
      >
        {items.map((group) => (
          <GroupRow key={group.id} group={group} onOpen={begin} />
        ))}
      </AdminList>
      <Dialog
        open={open?.what === 'new'}
        onOpenChange={onOpenChange}
        title={t('create')}
        closeLabel={common('close')}
      >
        <GroupForm
          of={null}
          busy={create.isPending}
          error={create.error}
          submitLabel={t('create')}
          onSubmit={(terms) => create.mutate(terms)}
        />
      </Dialog>
      <Dialog
        open={editing !== null}
        onOpenChange={onOpenChange}
        title={t('editTitle')}
        closeLabel={common('close')}
      >
        {editing && (
          <GroupForm
            of={editing}
            busy={update.isPending}
            error={update.error}
            submitLabel={common('save')}
            onSubmit={(body) => update.mutate({ id: editing.id, body })}
          />
        )}
      </Dialog>
      <Dialog
        open={showing !== null}
        onOpenChange={onOpenChange}
        title={t('membersOf', { name: showing?.name ?? '' })}
        description={t('managersHelp')}
        closeLabel={common('close')}
      >
        {showing && <Members group={showing} />}
      </Dialog>
      <ConfirmDialog
        open={removing !== null}
        onOpenChange={onOpenChange}
        title={t('deleteTitle', { name: removing?.name ?? '' })}
        description={t('deleteLead')}
        closeLabel={common('close')}
        confirmLabel={t('deleteIt')}
        cancelLabel={common('cancel')}
        onConfirm={() => removing && remove.mutate(removing.id)}
      />
    </section>
  );
}

/** /admin/groups */
export function GroupsPage() {
  return (
    <AdminPage place="groups">
      <Groups />
    </AdminPage>
  );
}
