'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Boxes } from 'lucide-react';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { AdminList, AdminPage } from '@/features/admin-frame';
import { useToldErrors } from '@/features/security';
import type { EditProfile, Profile, ProfileList } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';
import { Badge } from '@/ui/badge';
import { Empty } from '@/ui/banner';
import { Button } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { Switch } from '@/ui/field';
import { toast } from '@/ui/toast';
import { editProfile, profilesQuery, resetProfile } from './api';
import { editOf, isEdit } from './edit';
import { ProfileForm } from './form';

/** Stores an edit; one that says nothing makes the profile what it was built as. */
const store = ({ id, body }: { id: string; body: EditProfile }) =>
  isEdit(body) ? editProfile({ id, body }) : resetProfile(id);

function ProfileRow({
  profile,
  busy,
  onEnable,
  onEdit,
  onReset,
}: {
  profile: Profile;
  busy: boolean;
  onEnable: (enabled: boolean) => void;
  onEdit: () => void;
  onReset: () => void;
}) {
  const t = useTranslations('profiles');
  const { name, settings } = profile;
  const now = !profile.enabled
    ? t('off')
    : profile.real_model === null || profile.real_model === undefined
      ? t('noModel')
      : t('answersWith', { model: profile.real_model });
  return (
    <li className="flex flex-col gap-3 py-4">
      <Switch
        label={name}
        hint={profile.description}
        checked={profile.enabled}
        disabled={busy}
        onChange={onEnable}
      />
      <p className="flex flex-wrap items-center gap-x-2 gap-y-1 text-muted text-sm">
        {profile.edited && <Badge kind="accent">{t('edited')}</Badge>}
        <span className="min-w-0 break-words text-soft">{now}</span>
        <span>
          {t('brief', {
            thinking: t(`levels.${settings.thinking}`),
            temperature: settings.temperature ?? 0,
          })}
        </span>
      </p>
      <div className="flex flex-wrap gap-2">
        <Button size="sm" aria-label={t('editOf', { name })} onClick={onEdit}>
          {t('edit')}
        </Button>
        {profile.edited && (
          <Button
            size="sm"
            kind="quiet"
            disabled={busy}
            aria-label={t('resetOf', { name })}
            onClick={onReset}
          >
            {t('reset')}
          </Button>
        )}
      </div>
    </li>
  );
}

function Profiles() {
  const t = useTranslations('profiles');
  const common = useTranslations('common');
  const sidebar = useTranslations('sidebar');
  const client = useQueryClient();
  const told = useToldErrors();
  const list = useQuery(profilesQuery);
  const items = list.data?.items ?? [];
  const [editing, setEditing] = useState<Profile | null>(null);
  const took = (next: ProfileList) => {
    client.setQueryData(keys.profiles, next);
    void client.invalidateQueries({ queryKey: keys.models });
  };
  const save = useMutation({
    mutationFn: store,
    onSuccess: (next) => {
      took(next);
      setEditing(null);
      toast(common('saved'));
    },
  });
  const enable = useMutation({
    mutationFn: store,
    onMutate: ({ id, body }) => {
      const before = client.getQueryData<ProfileList>(keys.profiles);
      client.setQueryData<ProfileList>(
        keys.profiles,
        (known) =>
          known && {
            ...known,
            items: known.items.map((one) =>
              one.id === id ? { ...one, enabled: body.enabled } : one,
            ),
          },
      );
      return before;
    },
    onSuccess: took,
    onError: (error, _, before) => {
      client.setQueryData(keys.profiles, before);
      told(error);
    },
  });
  const undo = useMutation({ mutationFn: store, onSuccess: took, onError: told });
  const reset = useMutation({
    mutationFn: (profile: Profile) => resetProfile(profile.id),
    onSuccess: (next, profile) => {
      took(next);
      const { id, name, settings } = profile;
      toast(t('resetDone', { name }), {
        label: sidebar('undo'),
        run: () => undo.mutate({ id, body: editOf(settings, profile) }),
      });
    },
    onError: told,
  });
  const names = new Set(list.data?.items.map(({ id }) => id));
  const models = list.data?.models.filter((name) => !names.has(name)) ?? [];
  const busy = enable.isPending || reset.isPending || undo.isPending;
  return (
    <section className="glass flex flex-col rounded-lg p-5 sm:p-6">
      <AdminList
        label={t('label')}
        query={list}
        count={items.length}
        empty={<Empty icon={<Boxes />} title={t('none')} />}
      >
        {items.map((profile) => (
          <ProfileRow
            key={profile.id}
            profile={profile}
            busy={busy}
            onEnable={(enabled) =>
              enable.mutate({
                id: profile.id,
                body: editOf(profile.settings, { ...profile, enabled }),
              })
            }
            onEdit={() => {
              save.reset();
              setEditing(profile);
            }}
            onReset={() => reset.mutate(profile)}
          />
        ))}
      </AdminList>
      <Dialog
        open={editing !== null}
        onOpenChange={(open) => !open && setEditing(null)}
        title={t('editTitle', { name: editing?.name ?? '' })}
        description={editing?.id ?? ''}
        closeLabel={common('close')}
      >
        {editing && (
          <ProfileForm
            profile={editing}
            models={models.filter((name) => !name.startsWith('openmake_'))}
            busy={save.isPending}
            error={save.error}
            onSubmit={(settings) =>
              save.mutate({ id: editing.id, body: editOf(settings, editing) })
            }
          />
        )}
      </Dialog>
    </section>
  );
}

/** /admin/profiles */
export function ProfilesPage() {
  return (
    <AdminPage place="profiles">
      <Profiles />
    </AdminPage>
  );
}
