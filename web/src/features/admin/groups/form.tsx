'use client';

import { type FormEvent, useState } from 'react';
import { useTranslations } from 'use-intl';
import { ModelChoice } from '@/features/models';
import type { Group } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { TextField } from '@/ui/field';

/** What a group's form comes to. */
export interface GroupTerms {
  name: string;
  description: string;
  allowed_models: string[] | null;
}

/** Makes a group, or changes one. */
export function GroupForm({
  of,
  busy,
  error,
  submitLabel,
  onSubmit,
}: {
  of: Group | null;
  busy: boolean;
  error: Error | null;
  submitLabel: string;
  onSubmit: (terms: GroupTerms) => void;
}) {
  const t = useTranslations('admin.groups');
  const explain = useExplain();
  const [name, setName] = useState(of?.name ?? '');
  const [description, setDescription] = useState(of?.description ?? '');
  const [models, setModels] = useState<string[] | null>(of?.allowed_models ?? null);
  const atField = explain.field(error, 'name') ?? explain.field(error, 'description');
  return (
    <form
      className="flex flex-col gap-5"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        onSubmit({
          name: name.trim(),
          description: description.trim(),
          allowed_models: models,
        });
      }}
    >
      <TextField
        label={t('name')}
        required
        maxLength={100}
        value={name}
        error={explain.field(error, 'name')}
        onChange={(event) => setName(event.target.value)}
      />
      <TextField
        label={t('description')}
        hint={t('descriptionHelp')}
        maxLength={500}
        value={description}
        error={explain.field(error, 'description')}
        onChange={(event) => setDescription(event.target.value)}
      />
      <ModelChoice
        legend={t('models')}
        allLabel={t('allModels')}
        value={models}
        onChange={setModels}
      />
      {error && !atField && (
        <Banner kind="danger" title={explain.error(error).title}>
          {explain.error(error).detail}
        </Banner>
      )}
      <Button
        type="submit"
        kind="primary"
        className="self-end"
        busy={busy}
        disabled={name.trim() === '' || models?.length === 0}
      >
        {submitLabel}
      </Button>
    </form>
  );
}
