'use client';

import { useEffect, useRef, useState } from 'react';
import { useTranslations } from 'use-intl';
import { useRun } from '../hooks';
import { sentenceEnd, spoken } from '../sentences';

/** Reads a running answer to who cannot see it: whole sentences, politely. */
export function Announcer({ turnId }: { turnId: string | null }) {
  const t = useTranslations('chat');
  const run = useRun(turnId);
  const said = useRef<{ turnId: string | null; to: number }>({ turnId: null, to: 0 });
  const [text, setText] = useState('');
  const full = run?.text ?? '';
  const done = run !== null && run.status !== 'running';

  useEffect(() => {
    if (said.current.turnId !== turnId) {
      said.current = { turnId, to: 0 };
      setText(turnId === null ? '' : t('announce.started'));
      return;
    }
    const { to } = said.current;
    const end = done ? full.length : to + sentenceEnd(full.slice(to));
    if (end <= to) return;
    said.current.to = end;
    setText(spoken(full.slice(to, end)));
  }, [turnId, full, done, t]);

  return (
    <div aria-live="polite" className="sr-only">
      {text}
    </div>
  );
}
