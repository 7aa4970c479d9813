'use client';

import { type FormEvent, useState } from 'react';
import { useFormatter, useTranslations } from 'use-intl';
import { toCount } from '@/features/admin-frame';
import type { Profile, ProfileSettings } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { Segmented, SelectField, TextArea, TextField } from '@/ui/field';
import { BOUNDS, type Counted, preferOf, temperatureOf } from './edit';

const THINKING = ['off', 'low', 'medium', 'high'] as const;
const SIZES = ['smallest', 'balanced', 'largest'] as const;
const COUNTED = Object.keys(BOUNDS) as Counted[];
const FIELDS = ['prefer', 'temperature', 'instructions', ...COUNTED] as const;

const countOf = (name: Counted, text: string): number | null => {
  const { least, most } = BOUNDS[name];
  const count = toCount(text);
  return count === null || count < least || count > most ? null : count;
};

/** How a profile works, to be changed. */
export function ProfileForm({
  profile,
  models,
  busy,
  error,
  onSubmit,
}: {
  profile: Profile;
  models: readonly string[];
  busy: boolean;
  error: Error | null;
  onSubmit: (settings: ProfileSettings) => void;
}) {
  const t = useTranslations('profiles');
  const common = useTranslations('common');
  const explain = useExplain();
  const format = useFormatter();
  const { settings } = profile;
  const [prefer, setPrefer] = useState(settings.prefer.join('\n'));
  const [size, setSize] = useState(settings.size);
  const [thinking, setThinking] = useState(settings.thinking);
  const [degree, setDegree] = useState(String(settings.temperature ?? ''));
  const [counts, setCounts] = useState<Record<Counted, string>>({
    context_tokens: String(settings.context_tokens),
    tool_turns: String(settings.tool_turns),
    time_budget_seconds: String(settings.time_budget_seconds),
  });
  const [instructions, setInstructions] = useState(settings.instructions);
  const temperature = temperatureOf(degree);
  const counted = {
    context_tokens: countOf('context_tokens', counts.context_tokens),
    tool_turns: countOf('tool_turns', counts.tool_turns),
    time_budget_seconds: countOf('time_budget_seconds', counts.time_budget_seconds),
  };
  const { context_tokens, tool_turns, time_budget_seconds } = counted;
  const sound =
    temperature !== null &&
    context_tokens !== null &&
    tool_turns !== null &&
    time_budget_seconds !== null;
  const atField = FIELDS.some((name) => explain.field(error, name) !== null);
  return (
    <form
      className="flex flex-col gap-5"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        if (!sound) return;
        onSubmit({
          prefer: preferOf(prefer),
          size,
          thinking,
          temperature,
          context_tokens,
          tool_turns,
          time_budget_seconds,
          instructions: instructions.trim(),
        });
      }}
    >
      {profile.engine && <Banner kind="info" title={t('engine', { model: profile.engine })} />}
      <TextArea
        label={t('prefer')}
        hint={t('preferHelp')}
        error={explain.field(error, 'prefer')}
        className="scroll-quiet font-mono text-sm"
        rows={5}
        spellCheck={false}
        value={prefer}
        onChange={(event) => setPrefer(event.target.value)}
      />
      <SelectField
        label={t('put')}
        value=""
        onChange={(event) => setPrefer([event.target.value, ...preferOf(prefer)].join('\n'))}
      >
        <option value="">{t('choose')}</option>
        {models.map((model) => (
          <option key={model} value={model}>
            {model}
          </option>
        ))}
      </SelectField>
      <Segmented
        label={t('size')}
        value={size}
        options={SIZES.map((value) => ({ value, label: t(`sizes.${value}`) }))}
        onChange={setSize}
      />
      <Segmented
        label={t('thinking')}
        value={thinking}
        options={THINKING.map((value) => ({ value, label: t(`levels.${value}`) }))}
        onChange={setThinking}
      />
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField
          label={t('temperature')}
          hint={t('temperatureHelp')}
          inputMode="decimal"
          autoComplete="off"
          maxLength={8}
          value={degree}
          error={
            explain.field(error, 'temperature') ??
            (temperature === null ? t('temperatureHelp') : null)
          }
          onChange={(event) => setDegree(event.target.value)}
        />
        {COUNTED.map((name) => {
          const bounds = t('between', {
            least: format.number(BOUNDS[name].least),
            most: format.number(BOUNDS[name].most),
          });
          return (
            <TextField
              key={name}
              label={t(`counted.${name}`)}
              hint={t(`countedHelp.${name}`)}
              inputMode="numeric"
              autoComplete="off"
              maxLength={12}
              value={counts[name]}
              error={explain.field(error, name) ?? (counted[name] === null ? bounds : null)}
              onChange={(event) => setCounts({ ...counts, [name]: event.target.value })}
            />
          );
        })}
      </div>
      <TextArea
        label={t('instructions')}
        hint={t('instructionsHelp')}
        error={explain.field(error, 'instructions')}
        className="scroll-quiet"
        rows={5}
        maxLength={8_000}
        value={instructions}
        onChange={(event) => setInstructions(event.target.value)}
      />
      {error && !atField && (
        <Banner kind="danger" title={explain.error(error).title}>
          {explain.error(error).detail}
        </Banner>
      )}
      <Button type="submit" kind="primary" className="self-end" busy={busy} disabled={!sound}>
        {common('save')}
      </Button>
    </form>
  );
}
