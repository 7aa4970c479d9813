'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslations } from 'use-intl';
import { defaultsQuery, updateDefaults } from '@/features/conversations';
import { isForChat, modelsQuery } from '@/features/models';
import type { Defaults } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { keys } from '@/platform/query/keys';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { SelectField, TextArea } from '@/ui/field';
import { Section } from '@/ui/section';
import { Spinner } from '@/ui/spinner';
import { toast } from '@/ui/toast';

const MOST = 8_000;

function Form({ saved }: { saved: Defaults }) {
  const t = useTranslations('defaults');
  const common = useTranslations('common');
  const models = useTranslations('models');
  const explain = useExplain();
  const client = useQueryClient();
  const { data } = useQuery(modelsQuery);
  const [model, setModel] = useState(saved.model ?? '');
  const [text, setText] = useState(saved.instructions ?? '');
  const save = useMutation({
    mutationFn: updateDefaults,
    onSuccess: (next) => {
      client.setQueryData(keys.defaults, next);
      setText(next.instructions ?? '');
      toast(common('saved'));
    },
  });
  const offered = (data?.items ?? []).filter(isForChat);
  const group = (label: string, kind: 'profile' | 'model') => {
    const items = offered.filter((one) => (one.kind === 'profile') === (kind === 'profile'));
    return (
      items.length > 0 && (
        <optgroup label={label}>
          {items.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </optgroup>
      )
    );
  };
  const gone = model !== '' && !offered.some(({ id }) => id === model);
  const wanted = { model: model || null, instructions: text.trim() || null };
  const same =
    wanted.model === (saved.model ?? null) && wanted.instructions === (saved.instructions ?? null);
  const modelError = explain.field(save.error, 'model');
  const textError = explain.field(save.error, 'instructions');
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        save.mutate(wanted);
      }}
    >
      <SelectField
        label={t('model')}
        hint={gone && data ? t('gone') : undefined}
        error={modelError}
        value={model}
        onChange={(event) => setModel(event.target.value)}
      >
        <option value="">{t('noModel')}</option>
        {gone && <option value={model}>{model}</option>}
        {group(models('profiles'), 'profile')}
        {group(models('real'), 'model')}
      </SelectField>
      <TextArea
        label={t('instructions')}
        hint={t('instructionsHelp', { count: text.length, most: MOST })}
        error={textError}
        rows={6}
        maxLength={MOST}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      {save.error && !modelError && !textError && (
        <Banner kind="danger" title={explain.error(save.error).title}>
          {explain.error(save.error).detail}
        </Banner>
      )}
      <Button type="submit" className="self-start" busy={save.isPending} disabled={same}>
        {common('save')}
      </Button>
    </form>
  );
}

/** What new chats begin with. */
export function NewChats() {
  const t = useTranslations('defaults');
  const common = useTranslations('common');
  const explain = useExplain();
  const defaults = useQuery(defaultsQuery);
  return (
    <Section id="new-chats" title={t('title')} lead={t('lead')}>
      {defaults.data ? (
        <Form saved={defaults.data} />
      ) : defaults.error ? (
        <Banner
          kind="danger"
          title={explain.error(defaults.error).title}
          action={
            <Button size="sm" onClick={() => void defaults.refetch()}>
              {common('retry')}
            </Button>
          }
        />
      ) : (
        <Spinner />
      )}
    </Section>
  );
}
