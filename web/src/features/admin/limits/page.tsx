'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useFormatter, useTranslations } from 'use-intl';
import { AdminPage } from '@/features/admin-frame';
import type { Limit } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { keys } from '@/platform/query/keys';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { TextField } from '@/ui/field';
import { Section } from '@/ui/section';
import { Spinner } from '@/ui/spinner';
import { toast } from '@/ui/toast';
import { amountOf, changesOf, textOf, unitOf } from './amount';
import { limitsQuery, updateLimits } from './api';

/** What belongs together, in the order in which people read it. */
const PARTS = {
  requests: [
    'requests_per_minute',
    'guest_requests_per_minute',
    'address_requests_per_minute',
    'searches_per_minute',
  ],
  models: ['turns_per_minute', 'tokens_per_minute', 'context_tokens'],
  questions: ['message_characters', 'image_bytes'],
  signIn: ['sign_ins_per_minute', 'sign_in_tries'],
} as const satisfies Record<string, readonly Limit['name'][]>;

function LimitField({
  limit,
  text,
  error,
  onText,
}: {
  limit: Limit;
  text: string;
  error: string | null;
  onText: (text: string) => void;
}) {
  const t = useTranslations('limits');
  const format = useFormatter();
  const shown = (amount: number) => format.number(amount / unitOf(limit.name));
  const wrong =
    amountOf(limit, text) === undefined
      ? t('between', { least: shown(limit.minimum), most: shown(limit.maximum) })
      : null;
  const configured =
    limit.configured === null || limit.configured === undefined
      ? t('noLimit')
      : t('configured', { amount: shown(limit.configured) });
  return (
    <TextField
      label={t(`name.${limit.name}`)}
      hint={configured}
      inputMode="numeric"
      autoComplete="off"
      maxLength={16}
      placeholder={t('asConfigured')}
      value={text}
      error={error ?? wrong}
      onChange={(event) => onText(event.target.value)}
    />
  );
}

function LimitForm({ limits }: { limits: readonly Limit[] }) {
  const t = useTranslations('limits');
  const common = useTranslations('common');
  const explain = useExplain();
  const client = useQueryClient();
  const [texts, setTexts] = useState<Record<string, string>>({});
  const save = useMutation({
    mutationFn: updateLimits,
    onSuccess: (next) => {
      client.setQueryData(keys.limits, next);
      setTexts({});
      toast(common('saved'));
    },
  });
  const changes = changesOf(limits, texts);
  const atField = limits.some(({ name }) => explain.field(save.error, name) !== null);
  return (
    <form
      className="flex flex-col gap-5"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        if (changes) save.mutate(changes);
      }}
    >
      {(Object.keys(PARTS) as (keyof typeof PARTS)[]).map((part) => (
        <Section key={part} id={part} title={t(`part.${part}`)} lead={t(`lead.${part}`)}>
          <div className="grid items-start gap-4 sm:grid-cols-2">
            {PARTS[part].map((name) => {
              const limit = limits.find((one) => one.name === name);
              if (!limit) return null;
              return (
                <LimitField
                  key={name}
                  limit={limit}
                  text={texts[name] ?? textOf(limit)}
                  error={explain.field(save.error, name)}
                  onText={(text) => {
                    save.reset();
                    setTexts({ ...texts, [name]: text });
                  }}
                />
              );
            })}
          </div>
        </Section>
      ))}
      {save.error && !atField && (
        <Banner kind="danger" title={explain.error(save.error).title}>
          {explain.error(save.error).detail}
        </Banner>
      )}
      <Button
        type="submit"
        kind="primary"
        className="self-end"
        busy={save.isPending}
        disabled={!changes || changes.length === 0}
      >
        {common('save')}
      </Button>
    </form>
  );
}

function Limits() {
  const common = useTranslations('common');
  const explain = useExplain();
  const limits = useQuery(limitsQuery);
  if (limits.error) {
    return (
      <Banner
        kind="danger"
        title={explain.error(limits.error).title}
        action={
          <Button size="sm" onClick={() => void limits.refetch()}>
            {common('retry')}
          </Button>
        }
      />
    );
  }
  if (!limits.data) return <Spinner className="mx-auto my-10" />;
  return <LimitForm limits={limits.data.items} />;
}

/** /admin/limits */
export function LimitsPage() {
  return (
    <AdminPage place="limits">
      <Limits />
    </AdminPage>
  );
}
