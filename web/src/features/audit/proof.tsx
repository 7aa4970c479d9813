'use client';

import { useMutation } from '@tanstack/react-query';
import { Download, ShieldCheck } from 'lucide-react';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { useFormatter, useTranslations } from 'use-intl';
import { call } from '@/platform/api/client';
import type { AuditVerification } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { TextField } from '@/ui/field';
import { Section } from '@/ui/section';
import { exportTrail } from './export';
import { type Filters, queryOf } from './filters';

const FAULTS = ['altered', 'missing', 'unchained', 'replaced'] as const;

/** As the server writes an end of the chain: a number and a hash. */
const HEAD = /^\d{1,19}:[0-9a-f]{64}$/;

function Verified({ result }: { result: AuditVerification }) {
  const t = useTranslations('audit');
  const fault = result.fault;
  if (!fault) {
    return (
      <Banner kind="success" title={t('intact', { count: result.entries })}>
        {t('head')}
        <code className="mt-1 block break-all font-mono text-xs">{result.head}</code>
      </Banner>
    );
  }
  const kind = FAULTS.find((known) => known === fault.kind) ?? 'altered';
  const place = fault.seq === null || fault.seq === undefined ? '?' : String(fault.seq);
  return (
    <Banner kind="danger" title={t('broken')}>
      {t(`fault.${kind}`, { place })}
      {fault.entry_id && (
        <code className="mt-1 block break-all font-mono text-xs">{fault.entry_id}</code>
      )}
    </Banner>
  );
}

function Verify() {
  const t = useTranslations('audit');
  const explain = useExplain();
  const [noted, setNoted] = useState('');
  const [wrong, setWrong] = useState(false);
  const check = useMutation({
    mutationFn: (head: string | null) =>
      call<AuditVerification>('/audit/verify', { query: { noted: head } }),
  });
  function onSubmit(event: FormEvent) {
    event.preventDefault();
    const head = noted.trim();
    const odd = head !== '' && !HEAD.test(head);
    setWrong(odd);
    if (!odd) check.mutate(head || null);
  }
  return (
    <form onSubmit={onSubmit} noValidate className="flex flex-col gap-3">
      <TextField
        label={t('noted')}
        hint={t('notedHint')}
        error={wrong ? t('notedWrong') : null}
        value={noted}
        spellCheck={false}
        autoComplete="off"
        maxLength={100}
        className="font-mono text-sm"
        onChange={(event) => setNoted(event.target.value)}
      />
      <Button
        type="submit"
        className="self-start"
        icon={<ShieldCheck className="size-4" />}
        busy={check.isPending}
      >
        {check.isPending ? t('verifying') : t('verify')}
      </Button>
      {check.error && <Banner kind="danger" title={explain.error(check.error).title} />}
      {check.data && !check.isPending && <Verified result={check.data} />}
    </form>
  );
}

function Export({ filters }: { filters: Filters }) {
  const t = useTranslations('audit');
  const common = useTranslations('common');
  const format = useFormatter();
  const explain = useExplain();
  const [count, setCount] = useState(0);
  const abort = useRef<AbortController | null>(null);
  // A page that is left needs no file.
  useEffect(() => () => abort.current?.abort(), []);
  const save = useMutation({
    mutationFn: () => {
      const control = new AbortController();
      abort.current = control;
      setCount(0);
      return exportTrail(queryOf(filters), setCount, control.signal);
    },
  });
  const stopped = abort.current?.signal.aborted === true;
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center gap-2">
        <Button
          icon={<Download className="size-4" />}
          busy={save.isPending}
          onClick={() => save.mutate()}
        >
          {t('export')}
        </Button>
        {save.isPending && (
          <Button kind="quiet" onClick={() => abort.current?.abort()}>
            {common('cancel')}
          </Button>
        )}
        <p role="status" className="text-muted text-sm">
          {save.isPending && t('exporting', { count: format.number(count) })}
          {save.data !== undefined && !save.isPending && t('exported', { count: save.data })}
        </p>
      </div>
      <p className="text-muted text-sm">{t('exportHint')}</p>
      {save.error && !stopped && <Banner kind="danger" title={explain.error(save.error).title} />}
    </div>
  );
}

/** Whether the trail is whole, and the trail as a file. */
export function Proof({ filters }: { filters: Filters }) {
  const t = useTranslations('audit');
  return (
    <Section id="proof" title={t('proof')} lead={t('proofLead')}>
      <Verify />
      <Export filters={filters} />
    </Section>
  );
}
