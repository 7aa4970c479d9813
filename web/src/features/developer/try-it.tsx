'use client';

import { Play, Square } from 'lucide-react';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { useTranslations } from 'use-intl';
import { Markdown } from '@/markdown';
import { useExplain } from '@/platform/errors';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { PasswordField, SelectField, TextField } from '@/ui/field';
import { tryChat } from './api';

/** Asks a model through the OpenAI door, with a key that is kept nowhere. */
export function TryIt({ models, usual }: { models: readonly string[]; usual: string }) {
  const t = useTranslations('developer');
  const auth = useTranslations('common');
  const explain = useExplain();
  const [key, setKey] = useState('');
  const [model, setModel] = useState<string | null>(null);
  const [question, setQuestion] = useState('');
  const [answer, setAnswer] = useState('');
  const [error, setError] = useState<unknown>(null);
  const [running, setRunning] = useState<AbortController | null>(null);
  const live = useRef<AbortController | null>(null);

  useEffect(() => () => live.current?.abort(), []);

  async function run(event: FormEvent) {
    event.preventDefault();
    const control = new AbortController();
    live.current = control;
    setRunning(control);
    setAnswer('');
    setError(null);
    const wish = { key: key.trim(), model: model ?? usual, question };
    try {
      for await (const text of tryChat(wish, control.signal)) setAnswer((known) => known + text);
    } catch (problem) {
      if (!control.signal.aborted) setError(problem);
    } finally {
      setRunning(null);
    }
  }

  return (
    <form className="flex flex-col gap-4" onSubmit={(event) => void run(event)}>
      <div className="grid gap-4 sm:grid-cols-2">
        <PasswordField
          label={t('key')}
          hint={t('keyHelp')}
          required
          autoComplete="off"
          spellCheck={false}
          maxLength={200}
          showLabel={t('showKey')}
          hideLabel={t('hideKey')}
          value={key}
          onChange={(event) => setKey(event.target.value)}
        />
        <SelectField
          label={t('model')}
          value={model ?? usual}
          onChange={(event) => setModel(event.target.value)}
        >
          {models.map((id) => (
            <option key={id} value={id}>
              {id}
            </option>
          ))}
        </SelectField>
      </div>
      <TextField
        label={t('question')}
        required
        maxLength={4000}
        placeholder={t('questionExample')}
        value={question}
        onChange={(event) => setQuestion(event.target.value)}
      />
      <div className="flex gap-2">
        <Button
          type="submit"
          kind="primary"
          busy={running !== null}
          icon={<Play className="size-4" />}
          disabled={key.trim() === '' || question.trim() === ''}
        >
          {t('send')}
        </Button>
        {running && (
          <Button icon={<Square className="size-3.5" />} onClick={() => running.abort()}>
            {auth('cancel')}
          </Button>
        )}
      </div>
      {error !== null && (
        <Banner kind="danger" title={explain.error(error).title}>
          {explain.error(error).detail}
        </Banner>
      )}
      {answer !== '' && (
        <section
          aria-label={t('answer')}
          aria-busy={running !== null}
          className="rounded-md border border-line p-4"
        >
          <Markdown text={answer} live={running !== null} />
        </section>
      )}
    </form>
  );
}
