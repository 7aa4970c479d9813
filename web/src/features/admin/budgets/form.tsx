'use client';

import { useInfiniteQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslations } from 'use-intl';
import { AccountField, toCount, toMicro, useAccountOf } from '@/features/admin-frame';
import type { BudgetPeriod, BudgetSubject, BudgetUnit, CreateBudget } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { itemsOf, useEveryPage } from '@/platform/query/pages';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { Segmented, SelectField, TextField } from '@/ui/field';
import { groupsQuery } from '../groups/api';
import { accountKeysQuery } from '../users/api';

const MAX_LIMIT = 1_000_000_000_000_000;

interface Choice {
  id: string;
  label: string;
}

function Choose({
  label,
  value,
  choices,
  none,
  onChange,
}: {
  label: string;
  value: string;
  choices: readonly Choice[];
  none: string;
  onChange: (id: string) => void;
}) {
  return (
    <SelectField
      label={label}
      required
      value={value}
      onChange={(event) => onChange(event.target.value)}
    >
      <option value="">{none}</option>
      {choices.map((choice) => (
        <option key={choice.id} value={choice.id}>
          {choice.label}
        </option>
      ))}
    </SelectField>
  );
}

function useGroupChoices(wanted: boolean): Choice[] {
  const list = useInfiniteQuery({ ...groupsQuery, enabled: wanted });
  useEveryPage(list, wanted);
  return itemsOf(list.data).map(({ id, name }) => ({ id, label: name }));
}

function useKeyChoices(owner: string): Choice[] {
  const list = useInfiniteQuery({ ...accountKeysQuery(owner), enabled: owner !== '' });
  useEveryPage(list, owner !== '');
  return itemsOf(list.data)
    .filter(({ status }) => status === 'active')
    .map(({ id, name, last_four }) => ({ id, label: `${name} (…${last_four})` }));
}

/** The limit that was typed, in what the server counts; `null` where it is none. */
export function limitOf(unit: BudgetUnit, text: string): number | null {
  const limit = unit === 'money' ? toMicro(text) : toCount(text);
  return limit === null || limit > MAX_LIMIT ? null : limit;
}

/** How much; the same when a budget is made and when it is changed. */
export function LimitField({
  unit,
  text,
  error,
  onText,
}: {
  unit: BudgetUnit;
  text: string;
  error: string | null;
  onText: (text: string) => void;
}) {
  const t = useTranslations('admin.budgets');
  const wrong = text !== '' && limitOf(unit, text) === null;
  return (
    <TextField
      label={t(`limit.${unit}`)}
      hint={t('limitHelp')}
      inputMode={unit === 'money' ? 'decimal' : 'numeric'}
      autoComplete="off"
      required
      maxLength={24}
      value={text}
      error={error ?? (wrong ? t('limitWrong') : null)}
      onChange={(event) => onText(event.target.value)}
    />
  );
}

/** Makes a budget for an account, a group or a key. */
export function BudgetForm({
  busy,
  error,
  onSubmit,
}: {
  busy: boolean;
  error: Error | null;
  onSubmit: (budget: CreateBudget) => void;
}) {
  const t = useTranslations('admin.budgets');
  const explain = useExplain();
  const [subject, setSubject] = useState<BudgetSubject>('user');
  const [email, setEmail] = useState('');
  const account = useAccountOf(email)?.id ?? '';
  const [group, setGroup] = useState('');
  const [key, setKey] = useState('');
  const [unit, setUnit] = useState<BudgetUnit>('tokens');
  const [period, setPeriod] = useState<BudgetPeriod>('month');
  const [text, setText] = useState('');
  const groups = useGroupChoices(subject === 'group');
  const accountKeys = useKeyChoices(subject === 'key' ? account : '');
  const subject_id = { user: account, group, key }[subject];
  const limit = limitOf(unit, text);
  const atField = explain.field(error, 'limit');
  return (
    <form
      className="flex flex-col gap-5"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        if (limit !== null) onSubmit({ subject, subject_id, unit, period, limit });
      }}
    >
      <Segmented
        label={t('for')}
        value={subject}
        options={(['user', 'group', 'key'] as const).map((value) => ({
          value,
          label: t(`subject.${value}`),
        }))}
        onChange={setSubject}
      />
      {subject !== 'group' && (
        <AccountField
          label={t('account')}
          hint={t('accountHelp')}
          required
          value={email}
          onChange={(typed) => {
            setEmail(typed);
            setKey('');
          }}
        />
      )}
      {subject === 'group' && (
        <Choose
          label={t('group')}
          value={group}
          choices={groups}
          none={t('choose')}
          onChange={setGroup}
        />
      )}
      {subject === 'key' && (
        <Choose
          label={t('key')}
          value={key}
          choices={accountKeys}
          none={t('choose')}
          onChange={setKey}
        />
      )}
      <div className="flex flex-wrap gap-x-6 gap-y-4">
        <Segmented
          label={t('unitLabel')}
          value={unit}
          options={(['tokens', 'money'] as const).map((value) => ({
            value,
            label: t(`unit.${value}`),
          }))}
          onChange={setUnit}
        />
        <Segmented
          label={t('periodLabel')}
          value={period}
          options={(['day', 'month'] as const).map((value) => ({
            value,
            label: t(`period.${value}`),
          }))}
          onChange={setPeriod}
        />
      </div>
      <LimitField unit={unit} text={text} error={atField} onText={setText} />
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
        disabled={subject_id === '' || limit === null}
      >
        {t('create')}
      </Button>
    </form>
  );
}
