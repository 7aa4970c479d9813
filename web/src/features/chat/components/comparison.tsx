'use client';

import { Check, RefreshCw, Square } from 'lucide-react';
import { memo, useState } from 'react';
import { useTranslations } from 'use-intl';
import type { Message } from '@/platform/api/types';
import { Button, IconButton } from '@/ui/button';
import { cx } from '@/ui/cx';
import { Segmented } from '@/ui/field';
import { Spinner } from '@/ui/spinner';
import { type ChatActions, useRun } from '../hooks';
import type { Pair } from '../pairs';
import { AnswerBody, useContent } from './answer';
import { CopyButton } from './copy-button';
import { Figures } from './figures';

/** The model of an answer: the real one as soon as it is known. */
function useModelName(message: Message): string | null {
  const run = useRun(message.status === 'running' ? (message.turn_id ?? null) : null);
  return run?.model ?? message.model ?? run?.requestedModel ?? null;
}

function Side({
  message,
  name,
  hidden,
  actions,
}: {
  message: Message;
  name: string;
  /** Behind the other one, where there is room for one only. */
  hidden: boolean;
  actions: ChatActions;
}) {
  const t = useTranslations('compare');
  const chat = useTranslations('chat');
  const composer = useTranslations('composer');
  const content = useContent(message);
  const running = message.status === 'running';
  const turnId = message.turn_id ?? null;
  return (
    <article
      aria-label={t('answerOf', { name })}
      className={cx('glass flex min-w-0 flex-col rounded-lg p-4 sm:p-5', hidden && 'max-lg:hidden')}
    >
      <div className="mb-3 flex h-8 items-center gap-2">
        <p className="min-w-0 truncate font-medium text-sm">{name}</p>
        {running && <Spinner className="size-4 text-muted" />}
        {running && turnId && (
          <IconButton
            label={composer('stop')}
            size="sm"
            className="ms-auto"
            onClick={() => actions.stop(turnId)}
          >
            <Square className="size-3.5 fill-current" />
          </IconButton>
        )}
      </div>
      <div className="flex-1">
        <AnswerBody
          message={message}
          content={content}
          compared
          onContinue={null}
          actions={actions}
        />
      </div>
      {!running && (
        <div className="mt-3 flex flex-wrap items-center gap-0.5">
          {content.text !== '' && <CopyButton text={content.text} />}
          {turnId && (
            <IconButton
              label={chat('regenerate')}
              size="sm"
              onClick={() => actions.regenerate(turnId, null)}
            >
              <RefreshCw className="size-4" />
            </IconButton>
          )}
          <Figures metrics={message.metrics} model={content.model} />
          {content.text !== '' && (
            <Button
              size="sm"
              className="ms-auto"
              icon={<Check className="size-4" />}
              onClick={() => actions.keep(message.id)}
            >
              {t('keep')}
            </Button>
          )}
        </div>
      )}
    </article>
  );
}

/** Two answers to one question: side by side, or one behind the other on a narrow window. */
export const Comparison = memo(function Comparison({
  first,
  second,
  actions,
}: Pair & {
  actions: ChatActions;
}) {
  const t = useTranslations('compare');
  const [front, setFront] = useState<'first' | 'second'>('first');
  const [one, other] = [useModelName(first) ?? t('first'), useModelName(second) ?? t('second')];
  // Two profiles can come to the same model.
  const names: readonly [string, string] =
    one === other ? [`${one} · 1`, `${other} · 2`] : [one, other];
  return (
    <section
      aria-label={t('title')}
      className="relative lg:left-1/2 lg:w-[min(82rem,calc(100cqi-3rem))] lg:-translate-x-1/2"
    >
      <div className="sticky top-0 z-(--layer-header) -mx-4 mb-2 bg-bg px-4 py-1 sm:-mx-6 sm:px-6 lg:hidden">
        <Segmented
          label={t('title')}
          value={front}
          options={[
            { value: 'first', label: names[0] },
            { value: 'second', label: names[1] },
          ]}
          onChange={setFront}
        />
      </div>
      <div className="grid gap-4 lg:grid-cols-2">
        <Side message={first} name={names[0]} hidden={front !== 'first'} actions={actions} />
        <Side message={second} name={names[1]} hidden={front !== 'second'} actions={actions} />
      </div>
    </section>
  );
});

/** Says from which of the two the conversation goes on. */
export function GoesOn({ pair: { first } }: { pair: Pair }) {
  const t = useTranslations('compare');
  const name = useModelName(first) ?? t('first');
  return <p className="px-3 pb-2 text-center text-muted text-sm">{t('goesOn', { name })}</p>;
}
