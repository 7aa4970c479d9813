'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslations } from 'use-intl';
import type { CreateNode, NodeKind, NodeTest } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { keys } from '@/platform/query/keys';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { PasswordField, Segmented, TextField } from '@/ui/field';
import { createNode, testNewNode } from './api';

const EXAMPLES: Record<NodeKind, string> = {
  ollama: 'http://localhost:11434',
  openai: 'http://localhost:8080/v1',
};

/** What trying a server said. */
export function TestResult({ result }: { result: NodeTest }) {
  const t = useTranslations('nodes');
  if (!result.ok) {
    return (
      <Banner kind="danger" title={t('test.failed')}>
        {result.error && <p>{result.error}</p>}
        {result.hint && <p className="mt-1">{result.hint}</p>}
      </Banner>
    );
  }
  return (
    <Banner
      kind={result.models.length > 0 ? 'success' : 'warning'}
      title={
        result.models.length > 0
          ? t('test.ok', { count: result.models.length })
          : t('test.noModels')
      }
    >
      {result.models.length > 0 ? (
        <p>
          {result.models.slice(0, 8).join(', ')}
          {result.models.length > 8 && ' …'}
        </p>
      ) : (
        <p>
          {t.rich('test.noModelsHelp', {
            code: (chunks) => <code className="font-mono text-xs">{chunks}</code>,
          })}
        </p>
      )}
    </Banner>
  );
}

/** Connects a model server by its address, tried before it is kept. */
export function NodeForm({ onConnected }: { onConnected: () => void }) {
  const t = useTranslations('nodes');
  const common = useTranslations('common');
  const explain = useExplain();
  const client = useQueryClient();
  const [kind, setKind] = useState<NodeKind>('ollama');
  const [name, setName] = useState('');
  const [baseUrl, setBaseUrl] = useState('');
  const [key, setKey] = useState('');

  const node: CreateNode = {
    name: name.trim() || (kind === 'ollama' ? 'Ollama' : 'OpenAI'),
    kind,
    base_url: baseUrl.trim() || EXAMPLES[kind],
    api_keys: key.trim() === '' ? [] : [key.trim()],
  };
  const test = useMutation({ mutationFn: testNewNode });
  const add = useMutation({
    mutationFn: async (wanted: CreateNode) => {
      const result = await test.mutateAsync(wanted);
      if (!result.ok) return false;
      await createNode(wanted);
      await Promise.all([
        client.invalidateQueries({ queryKey: keys.nodes }),
        client.invalidateQueries({ queryKey: keys.models }),
      ]);
      return true;
    },
    onSuccess: (added) => added && onConnected(),
  });
  const error = add.error ?? test.error;

  function onSubmit(event: FormEvent) {
    event.preventDefault();
    add.mutate(node);
  }

  return (
    <form onSubmit={onSubmit} className="flex flex-col gap-4">
      <Segmented
        label={t('form.kind')}
        value={kind}
        options={[
          { value: 'ollama', label: 'Ollama' },
          { value: 'openai', label: t('form.openai') },
        ]}
        onChange={setKind}
      />
      <p className="-mt-2 text-muted text-sm">{t(`form.kindHelp.${kind}`)}</p>
      <TextField
        label={t('form.address')}
        type="url"
        inputMode="url"
        autoComplete="off"
        spellCheck={false}
        placeholder={EXAMPLES[kind]}
        value={baseUrl}
        error={explain.field(error, 'base_url')}
        onChange={(event) => setBaseUrl(event.target.value)}
      />
      <TextField
        label={t('form.name')}
        autoComplete="off"
        maxLength={60}
        placeholder={node.name}
        value={name}
        error={explain.field(error, 'name')}
        onChange={(event) => setName(event.target.value)}
      />
      <PasswordField
        label={t('form.key')}
        hint={t('form.keyHelp')}
        autoComplete="off"
        spellCheck={false}
        showLabel={common('show')}
        hideLabel={common('hide')}
        value={key}
        error={explain.field(error, 'api_keys')}
        onChange={(event) => setKey(event.target.value)}
      />
      {test.data && !add.isPending && <TestResult result={test.data} />}
      {error && (
        <Banner kind="danger" title={explain.error(error).title}>
          {explain.error(error).detail}
        </Banner>
      )}
      <div className="flex flex-wrap gap-2">
        <Button type="submit" kind="primary" busy={add.isPending}>
          {t('form.connect')}
        </Button>
        <Button
          busy={test.isPending && !add.isPending}
          onClick={() => {
            add.reset();
            test.mutate(node);
          }}
        >
          {t('form.test')}
        </Button>
      </div>
    </form>
  );
}
