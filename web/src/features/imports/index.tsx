'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import Link from 'next/link';
import { useEffect, useRef, useState } from 'react';
import { useTranslations } from 'use-intl';
import { Unread } from '@/features/page/unread';
import type { ImportKind } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { keys } from '@/platform/query/keys';
import { Banner } from '@/ui/banner';
import { Segmented } from '@/ui/field';
import { Section } from '@/ui/section';
import { Spinner } from '@/ui/spinner';
import { createImport, importsQuery, isOpen } from './api';
import { Ended } from './ended';
import { FilePicker } from './picker';
import { Running } from './running';
import { startSending } from './sending';

const PRODUCTS = [
  { value: 'chatgpt', label: 'ChatGPT' },
  { value: 'claude', label: 'Claude' },
  { value: 'open-webui', label: 'Open WebUI' },
] as const satisfies readonly { value: ImportKind; label: string }[];

const STEPS = ['first', 'second', 'third'] as const;

function Choose() {
  const t = useTranslations('imports');
  const explain = useExplain();
  const [kind, setKind] = useState<ImportKind>('chatgpt');
  const begin = useMutation({
    mutationFn: (file: File) => createImport(kind, file).then((job) => ({ job, file })),
    onSuccess: ({ job, file }) => void startSending(job, file),
  });
  const explained = begin.error && explain.error(begin.error);
  return (
    <>
      <Segmented
        label={t('from')}
        value={kind}
        options={PRODUCTS}
        onChange={(value) => {
          setKind(value);
          begin.reset();
        }}
      />
      <ol className="flex list-decimal flex-col gap-1 ps-5 text-soft text-sm">
        {STEPS.map((step) => (
          <li key={step}>{t(`steps.${kind}.${step}`)}</li>
        ))}
      </ol>
      <FilePicker kind={kind} busy={begin.isPending} onFile={(file) => begin.mutate(file)} />
      {explained && (
        <Banner kind="danger" title={explained.title}>
          {explained.detail}
        </Banner>
      )}
    </>
  );
}

/** Conversations from other products, for one's own account. */
export function Imports() {
  const t = useTranslations('imports');
  const client = useQueryClient();
  const jobs = useQuery(importsQuery);
  const open = jobs.data?.find(isOpen);
  const ended = jobs.data?.filter((job) => !isOpen(job)) ?? [];
  // What was brought belongs into the lists beside this page.
  const before = useRef<string | undefined>(undefined);
  useEffect(() => {
    if (before.current && !open) {
      void client.invalidateQueries({ queryKey: keys.conversationLists });
    }
    before.current = open?.id;
  }, [open, client]);
  return (
    <Section id="import" title={t('title')} lead={t('lead')}>
      {jobs.isPending && (
        <div className="grid min-h-40 place-items-center">
          <Spinner />
        </div>
      )}
      {jobs.isError && !jobs.data && (
        <Unread error={jobs.error} onRetry={() => void jobs.refetch()} />
      )}
      {jobs.data && (open ? <Running job={open} /> : <Choose />)}
      {ended.length > 0 && (
        <div className="border-line border-t pt-5">
          <div className="mb-3 flex flex-wrap items-baseline justify-between gap-2">
            <h3 className="font-medium text-sm">{t('before')}</h3>
            <Link href="/history" className="text-accent-text text-sm hover:underline">
              {t('look')}
            </Link>
          </div>
          <ul className="divide-y divide-line">
            {ended.map((job) => (
              <Ended key={job.id} job={job} />
            ))}
          </ul>
        </div>
      )}
    </Section>
  );
}
