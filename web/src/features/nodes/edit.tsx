'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslations } from 'use-intl';
import type { ModelNode, UpdateNode } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { keys } from '@/platform/query/keys';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { Segmented, TextArea, TextField } from '@/ui/field';
import { updateNode } from './api';

type Keys = 'keep' | 'replace' | 'remove';

/** Changes what a server is called, where it is, and its keys. */
export function NodeEdit({ node, onDone }: { node: ModelNode; onDone: () => void }) {
  const t = useTranslations('nodes');
  const common = useTranslations('common');
  const explain = useExplain();
  const client = useQueryClient();
  const [name, setName] = useState(node.name);
  const [baseUrl, setBaseUrl] = useState(node.base_url);
  const [choice, setChoice] = useState<Keys>('keep');
  const [typed, setTyped] = useState('');
  const has = node.api_keys.length > 0;
  const fresh = typed.split(/\s+/).filter(Boolean);
  const change: UpdateNode = {
    name: name.trim(),
    base_url: baseUrl.trim(),
    ...(choice === 'replace' ? { api_keys: fresh } : {}),
    ...(choice === 'remove' ? { api_keys: [] } : {}),
  };
  const save = useMutation({
    mutationFn: () => updateNode(node.id, change),
    onSuccess: onDone,
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: keys.nodes }),
        client.invalidateQueries({ queryKey: keys.models }),
      ]),
  });
  const atField = ['name', 'base_url', 'api_keys'].some((field) =>
    explain.field(save.error, field),
  );
  return (
    <form
      className="flex flex-col gap-5"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <TextField
        label={t('form.name')}
        required
        maxLength={60}
        autoComplete="off"
        value={name}
        error={explain.field(save.error, 'name')}
        onChange={(event) => setName(event.target.value)}
      />
      <TextField
        label={t('form.address')}
        hint={has ? t('editing.moves') : undefined}
        type="url"
        inputMode="url"
        required
        autoComplete="off"
        spellCheck={false}
        value={baseUrl}
        error={explain.field(save.error, 'base_url')}
        onChange={(event) => setBaseUrl(event.target.value)}
      />
      <Segmented
        label={t('editing.keys')}
        value={choice}
        options={(['keep', 'replace', ...(has ? (['remove'] as const) : [])] as const).map(
          (value) => ({
            value,
            label: t(value === 'replace' && !has ? 'editing.give' : `editing.${value}`),
          }),
        )}
        onChange={setChoice}
      />
      {choice === 'replace' && (
        <TextArea
          label={t('editing.fresh')}
          hint={t('editing.freshHelp')}
          rows={3}
          required
          autoComplete="off"
          spellCheck={false}
          value={typed}
          error={explain.field(save.error, 'api_keys')}
          className="font-mono"
          onChange={(event) => setTyped(event.target.value)}
        />
      )}
      {save.error && !atField && (
        <Banner kind="danger" title={explain.error(save.error).title}>
          {explain.error(save.error).detail}
        </Banner>
      )}
      <Button
        type="submit"
        kind="primary"
        className="self-end"
        busy={save.isPending}
        disabled={
          change.name === '' ||
          change.base_url === '' ||
          (change.api_keys?.length === 0 && choice === 'replace')
        }
      >
        {common('save')}
      </Button>
    </form>
  );
}
