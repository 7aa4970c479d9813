'use client';

import { type FormEvent, useState } from 'react';
import { useTranslations } from 'use-intl';
import { ModelChoice } from '@/features/models';
import type { ApiKey, ApiKeyScope } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { useUser } from '@/platform/session';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { Checkbox } from '@/ui/checkbox';
import { SelectField, TextField } from '@/ui/field';

/** What the form comes to. */
export interface KeyWish {
  name: string;
  scopes: ApiKeyScope[];
  allowed_models: string[] | null;
  expires_at: string | null;
  requests_per_minute: number | null;
  tokens_per_minute: number | null;
}

const SCOPES = ['chat', 'conversations', 'usage'] as const satisfies readonly ApiKeyScope[];
const ADMIN_SCOPES = ['metrics', 'admin'] as const satisfies readonly ApiKeyScope[];
const DAYS = [30, 90, 365] as const;
const DAY_MS = 86_400_000;

function number(text: string): number | null {
  return text === '' ? null : Number(text);
}

/** Makes a key, or changes one. */
export function KeyForm({
  of,
  busy,
  error,
  submitLabel,
  onSubmit,
}: {
  of: ApiKey | null;
  busy: boolean;
  error: Error | null;
  submitLabel: string;
  onSubmit: (wish: KeyWish) => void;
}) {
  const t = useTranslations('apiKeys');
  const explain = useExplain();
  const { role } = useUser();
  const [name, setName] = useState(of?.name ?? '');
  const [scopes, setScopes] = useState<readonly ApiKeyScope[]>(of?.scopes ?? SCOPES);
  const [allowed, setAllowed] = useState<readonly string[] | null>(of?.allowed_models ?? null);
  const [expires, setExpires] = useState(of?.expires_at ?? '');
  const [requests, setRequests] = useState(String(of?.requests_per_minute ?? ''));
  const [tokens, setTokens] = useState(String(of?.tokens_per_minute ?? ''));
  const offered = role === 'admin' ? [...SCOPES, ...ADMIN_SCOPES] : SCOPES;
  function submit(event: FormEvent) {
    event.preventDefault();
    onSubmit({
      name: name.trim(),
      scopes: offered.filter((scope) => scopes.includes(scope)),
      allowed_models: allowed === null ? null : [...allowed],
      expires_at: expires === '' ? null : expires,
      requests_per_minute: number(requests),
      tokens_per_minute: number(tokens),
    });
  }

  const toggled = <T,>(list: readonly T[], item: T, on: boolean): T[] =>
    on ? [...list, item] : list.filter((other) => other !== item);

  return (
    <form className="flex flex-col gap-5" onSubmit={submit}>
      <TextField
        label={t('name')}
        hint={t('nameHelp')}
        required
        maxLength={100}
        value={name}
        error={explain.field(error, 'name')}
        onChange={(event) => setName(event.target.value)}
      />
      <fieldset className="flex flex-col gap-2">
        <legend className="mb-1.5 font-medium text-sm">{t('scopes')}</legend>
        {offered.map((scope) => (
          <Checkbox
            key={scope}
            label={t(`scope.${scope}`)}
            checked={scopes.includes(scope)}
            onChange={(on) => setScopes(toggled(scopes, scope, on))}
          />
        ))}
      </fieldset>
      <ModelChoice
        legend={t('models')}
        allLabel={t('allModels')}
        value={allowed}
        onChange={setAllowed}
      />
      <div className="grid gap-4 sm:grid-cols-3">
        <SelectField
          label={t('expires')}
          value={expires}
          onChange={(event) => setExpires(event.target.value)}
        >
          <option value="">{t('never')}</option>
          {of?.expires_at && <option value={of.expires_at}>{t('unchanged')}</option>}
          {DAYS.map((days) => (
            <option key={days} value={inDays(days)}>
              {t('days', { count: days })}
            </option>
          ))}
        </SelectField>
        <TextField
          label={t('requests')}
          type="number"
          min={1}
          max={1_000_000}
          placeholder={t('unlimited')}
          value={requests}
          onChange={(event) => setRequests(event.target.value)}
        />
        <TextField
          label={t('tokens')}
          type="number"
          min={1}
          max={1_000_000_000}
          placeholder={t('unlimited')}
          value={tokens}
          onChange={(event) => setTokens(event.target.value)}
        />
      </div>
      {error && !explain.field(error, 'name') && (
        <Banner kind="danger" title={explain.error(error).title}>
          {explain.error(error).detail}
        </Banner>
      )}
      <Button
        type="submit"
        kind="primary"
        className="self-end"
        busy={busy}
        disabled={name.trim() === '' || scopes.length === 0 || allowed?.length === 0}
      >
        {submitLabel}
      </Button>
    </form>
  );
}

// From midnight, so that the same choice is the same value while the form is open.
function inDays(days: number): string {
  const today = new Date();
  today.setHours(24, 0, 0, 0);
  return new Date(today.getTime() + days * DAY_MS).toISOString();
}
