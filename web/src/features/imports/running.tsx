'use client';

import { useMutation } from '@tanstack/react-query';
import { useFormatter, useTranslations } from 'use-intl';
import type { Import } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { toast } from '@/ui/toast';
import { cancelImport } from './api';
import { FilePicker } from './picker';
import { showImport, startSending, stopSending, useSending } from './sending';
import { share } from './share';

/** The rest of a file whose sending was interrupted, such as by closing the page. */
function Interrupted({ job }: { job: Import }) {
  const t = useTranslations('imports');
  const sending = useSending();
  const explain = useExplain();
  const error = sending?.id === job.id ? sending.error : null;
  return (
    <>
      <Banner kind="warning" title={t('interrupted')}>
        {error ? explain.error(error).title : t('interruptedWhy', { name: job.file_name })}
      </Banner>
      <FilePicker
        kind={job.kind as 'chatgpt'}
        busy={false}
        onFile={(file) => {
          if (file.size === job.size && file.name.slice(0, 255) === job.file_name) {
            void startSending(job, file);
          } else {
            toast(t('otherFile', { name: job.file_name }));
          }
        }}
      />
    </>
  );
}

/** An import that goes on. */
export function Running({ job }: { job: Import }) {
  const t = useTranslations('imports');
  const common = useTranslations('common');
  const format = useFormatter();
  const explain = useExplain();
  const sending = useSending();
  const cancel = useMutation({
    mutationFn: () => cancelImport(job.id),
    onMutate: () => {
      if (sending?.id === job.id) stopSending();
    },
    onSuccess: showImport,
    onError: (error) => toast(explain.error(error).title),
  });
  const isSending = sending?.id === job.id && !sending.error;
  const done = share(job);
  const percent = done === null ? null : Math.floor(done * 100);
  const label = t(`phase.${job.status as 'uploading'}`);
  return (
    <div className="flex flex-col gap-4">
      <div className="flex flex-col gap-2">
        <div className="flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1">
          <p className="min-w-0 break-words font-medium text-sm">{job.file_name}</p>
          <p role="status" className="text-muted text-sm tabular-nums">
            {label}
            {percent !== null && ` · ${format.number(percent / 100, { style: 'percent' })}`}
          </p>
        </div>
        <progress
          aria-label={label}
          max={100}
          {...(percent === null ? {} : { value: percent })}
          className="h-2 w-full appearance-none overflow-hidden rounded-full bg-raised [&::-moz-progress-bar]:bg-accent [&::-webkit-progress-bar]:bg-raised [&::-webkit-progress-value]:bg-accent"
        />
        <p className="min-h-5 text-muted text-sm tabular-nums">
          {job.status === 'running'
            ? t('soFar', { conversations: job.conversations, messages: job.messages })
            : job.status === 'uploading' && isSending && t('stay')}
        </p>
      </div>
      {job.status === 'uploading' && !isSending && <Interrupted job={job} />}
      <Button className="self-start" busy={cancel.isPending} onClick={() => cancel.mutate()}>
        {common('cancel')}
      </Button>
    </div>
  );
}
