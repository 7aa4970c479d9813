'use client';

import { useMutation, useQuery } from '@tanstack/react-query';
import { RotateCcw, SlidersHorizontal } from 'lucide-react';
import { type FormEvent, useEffect, useState } from 'react';
import { useTranslations } from 'use-intl';
import { modelsQuery } from '@/features/models';
import { onCommand } from '@/platform/commands';
import { useExplain } from '@/platform/errors';
import { Banner } from '@/ui/banner';
import { Button, IconButton } from '@/ui/button';
import { SidePanel } from '@/ui/dialog';
import { Segmented, Switch, TextArea } from '@/ui/field';
import { toast } from '@/ui/toast';
import { isSet, LEVELS, type Level, type Options } from '../options';
import type { ChatOptions } from '../use-options';

const MOST = 8_000;
/** Where the slider begins when a temperature is wanted. */
const USUAL = 0.7;
const FIELDS = ['thinking', 'temperature', 'instructions'] as const;

function Temperature({
  value,
  onChange,
}: {
  value: number | null;
  onChange: (value: number | null) => void;
}) {
  const t = useTranslations('chatOptions');
  return (
    <div className="flex flex-col gap-3">
      <Switch
        label={t('temperature')}
        hint={t('temperatureHelp')}
        checked={value !== null}
        onChange={(on) => onChange(on ? USUAL : null)}
      />
      {value !== null && (
        <div className="flex items-center gap-4">
          <input
            type="range"
            aria-label={t('temperature')}
            min={0}
            max={2}
            step={0.1}
            value={value}
            onChange={(event) => onChange(Number(event.target.value))}
            className="h-6 w-full accent-accent"
          />
          <output className="w-8 text-end font-mono text-sm">{value.toFixed(1)}</output>
        </div>
      )}
    </div>
  );
}

function Form({
  model,
  isNew,
  chat,
  onDone,
}: {
  model: string | null;
  isNew: boolean;
  chat: ChatOptions;
  onDone: () => void;
}) {
  const t = useTranslations('chatOptions');
  const common = useTranslations('common');
  const explain = useExplain();
  const { data: models } = useQuery(modelsQuery);
  const [draft, setDraft] = useState(chat.options);
  const save = useMutation({
    mutationFn: (options: Options) => chat.save(options),
    onSuccess: () => {
      if (!isNew) toast(common('saved'));
      onDone();
    },
  });
  const chosen = models?.items.find(({ id }) => id === model);
  const thinks = chosen?.capabilities.includes('thinking') === true;
  const instructions = draft.instructions ?? '';
  const field = FIELDS.map((name) => explain.field(save.error, name)).find(Boolean) ?? null;
  const said = save.error && !field ? explain.error(save.error) : null;

  function submit(event: FormEvent) {
    event.preventDefault();
    const text = instructions.trim();
    save.mutate({ ...draft, instructions: text === '' ? null : text });
  }

  return (
    <form onSubmit={submit} className="flex min-h-0 flex-1 flex-col">
      <div className="scroll-quiet flex min-h-0 flex-1 flex-col gap-6 overflow-y-auto px-5 py-4">
        <p className="text-muted text-sm">{isNew ? t('leadNew') : t('lead')}</p>
        {thinks || draft.thinking !== null ? (
          <div>
            <Segmented<Level | 'profile'>
              label={t('thinking')}
              value={draft.thinking ?? 'profile'}
              options={(['profile', ...LEVELS] as const).map((value) => ({
                value,
                label: t(`level.${value}`),
              }))}
              onChange={(value) =>
                setDraft({ ...draft, thinking: value === 'profile' ? null : value })
              }
            />
            {!thinks && <p className="mt-1.5 text-muted text-sm">{t('cannotThink')}</p>}
          </div>
        ) : null}
        <Temperature
          value={draft.temperature}
          onChange={(temperature) => setDraft({ ...draft, temperature })}
        />
        <TextArea
          label={t('instructions')}
          hint={t('instructionsHelp', { count: instructions.length, most: MOST })}
          error={field}
          rows={9}
          maxLength={MOST}
          value={instructions}
          onChange={(event) => setDraft({ ...draft, instructions: event.target.value })}
        />
        {said && (
          <Banner kind="danger" title={said.title}>
            {said.detail}
          </Banner>
        )}
      </div>
      <div className="flex items-center gap-2 border-line border-t px-5 py-4">
        <Button
          kind="quiet"
          icon={<RotateCcw className="size-4" />}
          disabled={!isSet(draft)}
          onClick={() => setDraft({ thinking: null, temperature: null, instructions: null })}
        >
          {t('reset')}
        </Button>
        <Button type="submit" kind="primary" className="ms-auto" busy={save.isPending}>
          {common('save')}
        </Button>
      </div>
    </form>
  );
}

/** How the questions of a chat are asked: the button, with a mark, and the panel. */
export function OptionsDrawer({
  model,
  isNew,
  chat,
}: {
  model: string | null;
  isNew: boolean;
  chat: ChatOptions;
}) {
  const t = useTranslations('chatOptions');
  const common = useTranslations('common');
  const [open, setOpen] = useState(false);
  useEffect(() => onCommand((command) => command === 'chat-options' && setOpen(true)), []);
  const set = isSet(chat.options);
  return (
    <>
      <IconButton
        label={set ? t('openSet') : t('open')}
        round
        className="relative"
        onClick={() => setOpen(true)}
      >
        <SlidersHorizontal className="size-5" />
        {set && (
          <span
            aria-hidden="true"
            className="absolute top-1.5 right-1.5 size-2 rounded-full bg-accent"
          />
        )}
      </IconButton>
      <SidePanel open={open} onOpenChange={setOpen} title={t('title')} closeLabel={common('close')}>
        <Form model={model} isNew={isNew} chat={chat} onDone={() => setOpen(false)} />
      </SidePanel>
    </>
  );
}
