'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslations } from 'use-intl';
import { AdminPage } from '@/features/admin-frame';
import { ModelChoice } from '@/features/models';
import type { RoleModels } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { keys } from '@/platform/query/keys';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { Section } from '@/ui/section';
import { Spinner } from '@/ui/spinner';
import { toast } from '@/ui/toast';
import { profilesQuery } from '../profiles/api';
import { modelAccessQuery, setRoleModels } from './api';

const same = (a: readonly string[] | null, b: readonly string[] | null) =>
  a === b || (a !== null && b !== null && a.length === b.length && a.every((x) => b.includes(x)));

function RoleForm({ of, names }: { of: RoleModels; names: readonly string[] }) {
  const t = useTranslations('modelAccess');
  const common = useTranslations('common');
  const explain = useExplain();
  const client = useQueryClient();
  const stored = of.allowed_models ?? null;
  const [models, setModels] = useState<string[] | null>(stored);
  const save = useMutation({
    mutationFn: setRoleModels,
    onSuccess: (next) => {
      client.setQueryData(keys.modelAccess, next);
      void client.invalidateQueries({ queryKey: keys.models });
      toast(common('saved'));
    },
  });
  return (
    <Section id={`role-${of.role}`} title={t(`role.${of.role}`)} lead={t(`lead.${of.role}`)}>
      <form
        className="flex flex-col gap-5"
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          save.mutate({ role: of.role, allowed_models: models });
        }}
      >
        <ModelChoice
          legend={t('models')}
          allLabel={t('all')}
          names={names}
          value={models}
          onChange={setModels}
        />
        {save.error && (
          <Banner kind="danger" title={explain.error(save.error).title}>
            {explain.error(save.error).detail}
          </Banner>
        )}
        <Button
          type="submit"
          className="self-end"
          aria-label={t('saveOf', { role: t(`role.${of.role}`) })}
          busy={save.isPending}
          disabled={models?.length === 0 || same(models, stored)}
        >
          {common('save')}
        </Button>
      </form>
    </Section>
  );
}

function Access() {
  const t = useTranslations('modelAccess');
  const common = useTranslations('common');
  const explain = useExplain();
  const access = useQuery(modelAccessQuery);
  const profiles = useQuery(profilesQuery);
  const error = access.error ?? profiles.error;
  if (error) {
    return (
      <Banner
        kind="danger"
        title={explain.error(error).title}
        action={
          <Button
            size="sm"
            onClick={() => {
              void access.refetch();
              void profiles.refetch();
            }}
          >
            {common('retry')}
          </Button>
        }
      />
    );
  }
  if (!access.data || !profiles.data) return <Spinner className="mx-auto my-10" />;
  const names = profiles.data.models;
  return (
    <>
      <p className="text-soft text-sm">{t('how')}</p>
      {access.data.roles.map((role) => (
        <RoleForm key={role.role} of={role} names={names} />
      ))}
    </>
  );
}

/** /admin/access */
export function AccessPage() {
  return (
    <AdminPage place="access">
      <Access />
    </AdminPage>
  );
}
