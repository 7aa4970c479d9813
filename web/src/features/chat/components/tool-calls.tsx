'use client';

import { ChevronRight, CircleAlert, CircleCheck } from 'lucide-react';
import { useState } from 'react';
import { useFormatter, useTranslations } from 'use-intl';
import type { ToolCall } from '@/platform/api/types';
import { cx } from '@/ui/cx';
import { Spinner } from '@/ui/spinner';

function pretty(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}

function Part({ label, text }: { label: string; text: string }) {
  return (
    <div>
      <p className="mb-1 text-muted text-xs">{label}</p>
      <pre
        tabIndex={0}
        className="max-h-60 overflow-auto whitespace-pre-wrap rounded-xs bg-code p-2.5 font-mono text-xs"
      >
        {text}
      </pre>
    </div>
  );
}

function Call({ call, running }: { call: ToolCall; running: boolean }) {
  const t = useTranslations('chat.tool');
  const format = useFormatter();
  const [open, setOpen] = useState(false);
  const waits = running && (call.output ?? null) === null;
  return (
    <li className="glass rounded-sm">
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className="flex w-full items-center gap-2 rounded-sm px-3 py-2 text-start text-sm hover:bg-hover"
      >
        {waits ? (
          <Spinner className="text-accent-text" />
        ) : call.is_error ? (
          <CircleAlert className="size-4 text-danger" />
        ) : (
          <CircleCheck className="size-4 text-success" />
        )}
        <span className="font-mono text-[0.8125rem]">{call.name}</span>
        <span className="me-auto text-muted">
          {waits ? t('running') : call.is_error ? t('failed') : t('done')}
        </span>
        {call.duration_ms != null && (
          <span className="text-muted text-xs tabular-nums">
            {call.duration_ms < 1_000
              ? `${format.number(call.duration_ms)} ms`
              : `${format.number(call.duration_ms / 1000, { maximumFractionDigits: 1 })} s`}
          </span>
        )}
        <ChevronRight
          className={cx('size-4 text-muted transition-transform', open && 'rotate-90')}
        />
      </button>
      {open && (
        <div className="flex flex-col gap-3 px-3 pt-1 pb-3">
          <Part label={t('arguments')} text={pretty(call.arguments)} />
          {call.output != null && <Part label={t('output')} text={call.output} />}
        </div>
      )}
    </li>
  );
}

/** The tools that were called for an answer, as they run. */
export function ToolCalls({ calls, running }: { calls: readonly ToolCall[]; running: boolean }) {
  if (calls.length === 0) return null;
  return (
    <ul className="mb-4 flex flex-col gap-2">
      {calls.map((call) => (
        <Call key={call.call_id} call={call} running={running} />
      ))}
    </ul>
  );
}
