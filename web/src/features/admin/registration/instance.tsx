'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslations } from 'use-intl';
import { modelsQuery } from '@/features/models';
import type { RegistrationMode, Settings, UpdateSettings } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { keys } from '@/platform/query/keys';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { SelectField, Switch, TextField } from '@/ui/field';
import { Section } from '@/ui/section';
import { Spinner } from '@/ui/spinner';
import { toast, toastError } from '@/ui/toast';
import { settingsQuery, updateSettings } from './api';

const MODES: readonly RegistrationMode[] = ['open', 'invitation', 'closed'];
const WARNINGS = ['insecure_cookies'] as const;

function Name({ settings, onSave }: { settings: Settings; onSave: (name: string) => void }) {
  const t = useTranslations('admin.instance');
  const common = useTranslations('common');
  const [name, setName] = useState(settings.instance_name);
  return (
    <form
      className="flex items-end gap-2"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        onSave(name.trim());
      }}
    >
      <div className="flex-1">
        <TextField
          label={t('name')}
          value={name}
          required
          maxLength={60}
          onChange={(event) => setName(event.target.value)}
        />
      </div>
      <Button
        type="submit"
        className="h-11"
        disabled={name.trim() === '' || name.trim() === settings.instance_name}
      >
        {common('save')}
      </Button>
    </form>
  );
}

function DefaultModel({ value, onChange }: { value: string; onChange: (model: string) => void }) {
  const t = useTranslations('admin.instance');
  const { data } = useQuery(modelsQuery);
  const models = data?.items ?? [];
  return (
    <SelectField
      label={t('defaultModel')}
      hint={t('defaultModelHelp')}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    >
      {!models.some(({ id }) => id === value) && <option value={value}>{value}</option>}
      {models.map((model) => (
        <option key={model.id} value={model.id}>
          {model.name}
        </option>
      ))}
    </SelectField>
  );
}

/** What an administrator sets for everyone. */
export function InstanceSettings() {
  const t = useTranslations('admin.instance');
  const common = useTranslations('common');
  const explain = useExplain();
  const client = useQueryClient();
  const settings = useQuery(settingsQuery);
  const save = useMutation({
    mutationFn: (change: UpdateSettings) => updateSettings(change),
    onSuccess: (next) => {
      client.setQueryData(keys.settings, next);
      void client.invalidateQueries({ queryKey: keys.instance });
      void client.invalidateQueries({ queryKey: keys.models });
      toast(common('saved'));
    },
    onError: (error) => toastError(explain.error(error).title),
  });
  if (settings.error) {
    return (
      <Section id="instance" title={t('title')}>
        <Banner
          kind="danger"
          title={explain.error(settings.error).title}
          action={
            <Button size="sm" onClick={() => void settings.refetch()}>
              {common('retry')}
            </Button>
          }
        />
      </Section>
    );
  }
  const { data } = settings;
  return (
    <Section id="instance" title={t('title')}>
      {!data && <Spinner />}
      {data?.warnings.map((warning) => {
        const known = WARNINGS.find((code) => code === warning.code);
        return (
          <Banner
            key={warning.code}
            kind="warning"
            title={known ? t(`warning.${known}`) : t('warning.other')}
          >
            {warning.detail}
          </Banner>
        );
      })}
      {data && (
        <>
          <Name
            key={data.instance_name}
            settings={data}
            onSave={(instance_name) => save.mutate({ instance_name })}
          />
          <SelectField
            label={t('registration')}
            hint={data.registration_is_default ? t('registrationDefault') : undefined}
            value={data.registration}
            onChange={(event) =>
              save.mutate({ registration: event.target.value as RegistrationMode })
            }
          >
            {MODES.map((mode) => (
              <option key={mode} value={mode}>
                {t(`mode.${mode}`)}
              </option>
            ))}
          </SelectField>
          <Switch
            label={t('guests')}
            hint={t('guestsHelp')}
            checked={data.guests_allowed}
            disabled={save.isPending}
            onChange={(guests_allowed) => save.mutate({ guests_allowed })}
          />
          <DefaultModel
            value={data.default_model}
            onChange={(default_model) => save.mutate({ default_model })}
          />
        </>
      )}
    </Section>
  );
}
