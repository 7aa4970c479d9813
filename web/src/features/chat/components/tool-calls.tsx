'use client';

import { ChevronRight, CircleAlert, CircleCheck } from 'lucide-react';
import { useState } from 'react';
import { useFormatter, useTranslations } from 'use-intl';
import type { ToolCall } from '@/platform/api/types';
import { cx } from '@/ui/cx';
import { Spinner } from '@/ui/spinner';
import { CopyButton } from './copy-button';

/** JSON in lines; anything else, and what a parser would round, as it is. */
function pretty(json: string): string {
  if (!/^\s*[[{]/.test(json) || /\d{16}/.test(json)) return json;
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}

/** Longer ones are folded, so that what comes after stays in reach. */
const LINES = 12;
const LETTERS = 1_200;

function Part({ label, text }: { label: string; text: string }) {
  const t = useTranslations('answer.tool');
  const [whole, setWhole] = useState(false);
  const lines = text.split('\n');
  const long = lines.length > LINES || text.length > LETTERS;
  const begin = lines.slice(0, LINES).join('\n').slice(0, LETTERS);
  return (
    <div>
      <div className="mb-1 flex items-center justify-between gap-2">
        <p className="text-muted text-xs">{label}</p>
        <CopyButton text={text} />
      </div>
      <pre
        tabIndex={0}
        className="max-h-96 overflow-auto whitespace-pre-wrap rounded-xs bg-code p-2.5 font-mono text-xs"
      >
        {long && !whole ? `${begin}\n…` : text}
      </pre>
      {long && (
        <button
          type="button"
          aria-expanded={whole}
          onClick={() => setWhole(!whole)}
          className="mt-1 rounded-xs px-1 py-0.5 text-accent-text text-xs hover:underline"
        >
          {whole ? t('less') : t('more', { count: lines.length })}
        </button>
      )}
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
              ? format.number(call.duration_ms, { style: 'unit', unit: 'millisecond' })
              : format.number(call.duration_ms / 1_000, {
                  style: 'unit',
                  unit: 'second',
                  maximumFractionDigits: 1,
                })}
          </span>
        )}
        <ChevronRight
          className={cx('size-4 text-muted transition-transform', open && 'rotate-90')}
        />
      </button>
      {open && (
        <div className="flex flex-col gap-3 px-3 pt-1 pb-3">
          <Part label={t('arguments')} text={pretty(call.arguments)} />
          {call.output != null && <Part label={t('output')} text={pretty(call.output)} />}
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
