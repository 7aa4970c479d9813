'use client';

import { Play, RefreshCw } from 'lucide-react';
import { memo } from 'react';
import { useTranslations } from 'use-intl';
import { Markdown } from '@/markdown';
import type { Message, MessageError, ToolCall } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { Logo } from '@/ui/logo';
import { type Progress, type Run, thinkingMs } from '../fold';
import { type ChatActions, useRun } from '../hooks';
import { CopyButton } from './copy-button';
import { Figures } from './figures';
import { Regenerate } from './regenerate';
import { Thinking } from './thinking';
import { ToolCalls } from './tool-calls';
import { Versions } from './versions';

/** An answer, wherever it is read from. */
interface Content {
  text: string;
  thinking: string;
  toolCalls: readonly ToolCall[];
  model: string | null;
  progress: Progress | null;
  error: MessageError | null;
  /** Since when it thinks and writes nothing. */
  thinkingSince: number | null;
  thinkingMs: number | null;
  cut: number;
  finishReason: string | null;
}

function contentOf(message: Message, run: Run | null): Content {
  if (run === null) {
    return {
      text: message.content,
      thinking: message.thinking ?? '',
      toolCalls: message.tool_calls,
      model: message.model ?? null,
      progress: null,
      error: message.error ?? null,
      thinkingSince: null,
      thinkingMs: message.thinking_ms ?? null,
      cut: message.context_cut?.messages ?? 0,
      finishReason: message.finish_reason ?? null,
    };
  }
  return {
    text: run.text,
    thinking: run.thinking,
    toolCalls: run.toolCalls,
    model: run.model,
    progress: run.progress,
    error: run.error,
    thinkingSince: run.status === 'running' && run.text === '' ? run.thinkingFrom : null,
    thinkingMs: thinkingMs(run),
    cut: run.cut,
    finishReason: run.finishReason,
  };
}

function Waiting({ label }: { label: string }) {
  return (
    <p role="status" className="flex items-center gap-2.5 py-1 text-muted">
      <span aria-hidden="true" className="flex gap-1">
        <span className="size-2 animate-pulse-soft rounded-full bg-accent" />
        <span className="size-2 animate-pulse-soft rounded-full bg-accent [animation-delay:180ms]" />
        <span className="size-2 animate-pulse-soft rounded-full bg-accent [animation-delay:360ms]" />
      </span>
      <span className="text-sm">{label}</span>
    </p>
  );
}

function Ending({
  message,
  error,
  actions,
}: {
  message: Message;
  error: MessageError | null;
  actions: ChatActions;
}) {
  const t = useTranslations('chat.ending');
  const explain = useExplain();
  const turnId = message.turn_id;
  if (!turnId) return null;
  const again = (
    <Button
      size="sm"
      icon={<RefreshCw className="size-4" />}
      onClick={() => actions.regenerate(turnId, null)}
    >
      {t('again')}
    </Button>
  );
  const goOn = (
    <Button size="sm" icon={<Play className="size-4" />} onClick={() => actions.resume(turnId)}>
      {t('continue')}
    </Button>
  );
  switch (message.status) {
    case 'failed': {
      const said = explain.code(
        error?.code ?? 'internal',
        error?.detail ?? '',
        error?.hint ?? null,
      );
      return (
        <div className="mt-3">
          <Banner kind="danger" title={said.title} action={again}>
            {said.detail}
          </Banner>
        </div>
      );
    }
    case 'interrupted':
      return (
        <div className="mt-3">
          <Banner
            kind="warning"
            title={t('interrupted')}
            action={
              <>
                {goOn}
                {again}
              </>
            }
          >
            {t('interruptedHelp')}
          </Banner>
        </div>
      );
    case 'cancelled':
      return (
        <div className="mt-3 flex flex-wrap items-center gap-3 text-muted text-sm">
          {t('cancelled')}
          {goOn}
        </div>
      );
    default:
      return null;
  }
}

const NOTES = ['length', 'tool_limit', 'time_budget', 'content_filter'] as const;

function Notes({ content, onContinue }: { content: Content; onContinue: (() => void) | null }) {
  const t = useTranslations('chat.note');
  const ending = useTranslations('chat.ending');
  const reason = NOTES.find((note) => note === content.finishReason);
  if (content.cut === 0 && !reason) return null;
  return (
    <div className="mt-3 flex flex-col gap-1 text-muted text-sm">
      {reason && (
        <div className="flex flex-wrap items-center gap-3">
          <p>{t(reason)}</p>
          {reason === 'length' && onContinue && (
            <Button size="sm" icon={<Play className="size-4" />} onClick={onContinue}>
              {ending('continue')}
            </Button>
          )}
        </div>
      )}
      {content.cut > 0 && <p>{t('cut', { count: content.cut })}</p>}
    </div>
  );
}

const STEPS = ['thinking_unsupported', 'images_left_out'] as const;

/** Says what the turn is at, in the person's language where it is known. */
function Step({ progress }: { progress: Progress }) {
  const t = useTranslations('chat.progress');
  const step = STEPS.find((candidate) => candidate === progress.step);
  return <Waiting label={step ? t(step) : progress.message} />;
}

/** One answer, while it is written and after. */
export const Answer = memo(function Answer({
  message,
  versions,
  last,
  actions,
}: {
  message: Message;
  versions: readonly Message[];
  /** Whether it is the end of the branch, whose actions stay in view. */
  last: boolean;
  actions: ChatActions;
}) {
  const t = useTranslations('chat');
  const running = message.status === 'running';
  const run = useRun(running ? (message.turn_id ?? null) : null);
  // Until the run has said something, what the server folded is newer.
  const content = contentOf(message, run && run.seq > 0 ? run : null);
  const quiet = content.text === '' && content.thinking === '' && content.toolCalls.length === 0;
  const turnId = message.turn_id;

  return (
    <article aria-label={t('answerLabel')} className="group flex gap-4">
      <div aria-hidden="true" className="hidden pt-0.5 sm:block">
        <Logo className="size-7" />
      </div>
      <div className="min-w-0 flex-1">
        {content.thinking !== '' && (
          <Thinking
            text={content.thinking}
            since={content.thinkingSince}
            tookMs={content.thinkingMs}
          />
        )}
        <ToolCalls calls={content.toolCalls} running={running} />
        {content.text !== '' && <Markdown text={content.text} live={running} />}
        {running && content.progress && <Step progress={content.progress} />}
        {running && quiet && !content.progress && <Waiting label={t('waiting')} />}
        {!running && (
          <Notes
            content={content}
            // Further up the answer was gone on with already.
            onContinue={last && turnId ? () => actions.resume(turnId) : null}
          />
        )}
        {!running && <Ending message={message} error={content.error} actions={actions} />}
        {!running && (
          <div
            className={
              last
                ? 'mt-2 flex flex-wrap items-center gap-0.5'
                : 'mt-2 flex flex-wrap items-center gap-0.5 transition-opacity duration-150 md:opacity-0 md:focus-within:opacity-100 md:group-hover:opacity-100'
            }
          >
            <Versions message={message} all={versions} onShow={actions.show} />
            {content.text !== '' && <CopyButton text={content.text} />}
            {turnId && <Regenerate onRegenerate={(model) => actions.regenerate(turnId, model)} />}
            <Figures metrics={message.metrics} model={content.model} />
            {content.model && (
              <span className="ms-1.5 truncate text-muted text-xs">{content.model}</span>
            )}
          </div>
        )}
      </div>
    </article>
  );
});
