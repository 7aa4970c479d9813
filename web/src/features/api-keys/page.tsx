'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Copy, KeySquare, Plus } from 'lucide-react';
import { useState } from 'react';
import { useFormatter, useTranslations } from 'use-intl';
import { WorkspacePage } from '@/features/page';
import { Reauthentication, useGuarded, useToldErrors } from '@/features/security';
import type { ApiKey, CreatedApiKey } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { copyText } from '@/platform/files';
import { keys } from '@/platform/query/keys';
import { Banner, Empty } from '@/ui/banner';
import { Button } from '@/ui/button';
import { ConfirmDialog, Dialog } from '@/ui/dialog';
import { Spinner } from '@/ui/spinner';
import { toast } from '@/ui/toast';
import { apiKeysQuery, createApiKey, revokeApiKey, rotateApiKey, updateApiKey } from './api';
import { KeyForm } from './key-form';

function Shown({ created, onDone }: { created: CreatedApiKey; onDone: () => void }) {
  const t = useTranslations('apiKeys');
  const code = useTranslations('code');
  const example = `curl ${window.location.origin}/v1/models -H "Authorization: Bearer ${created.key}"`;
  return (
    <div className="flex flex-col gap-4">
      <code className="break-all rounded-md border border-line bg-glass p-3 font-mono text-sm">
        {created.key}
      </code>
      <p className="text-soft text-sm">{t('try')}</p>
      <code className="break-all rounded-md border border-line bg-glass p-3 font-mono text-xs">
        {example}
      </code>
      <div className="flex flex-wrap justify-end gap-2">
        <Button
          icon={<Copy className="size-4" />}
          onClick={() => void copyText(created.key).then((done) => done && toast(code('copied')))}
        >
          {t('copyKey')}
        </Button>
        <Button kind="primary" onClick={onDone}>
          {t('kept')}
        </Button>
      </div>
    </div>
  );
}

function KeyRow({
  apiKey,
  onEdit,
  onRotate,
  onRevoke,
}: {
  apiKey: ApiKey;
  onEdit: () => void;
  onRotate: () => void;
  onRevoke: () => void;
}) {
  const t = useTranslations('apiKeys');
  const format = useFormatter();
  const day = (when: string) => format.dateTime(new Date(when), { dateStyle: 'medium' });
  const revoked = apiKey.status === 'revoked';
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-2 py-4">
      <div className="min-w-0 flex-1 basis-56">
        <p className="truncate font-medium text-sm">{apiKey.name}</p>
        <p className="text-muted text-xs">
          <span className="font-mono">…{apiKey.last_four}</span>
          {' · '}
          {t(`status.${apiKey.status}`)}
          {apiKey.expires_at && ` · ${t('until', { when: day(apiKey.expires_at) })}`}
          {' · '}
          {apiKey.last_used_at ? t('used', { when: day(apiKey.last_used_at) }) : t('unused')}
        </p>
        <p className="truncate text-muted text-xs">
          {apiKey.scopes.map((scope) => t(`scope.${scope}`)).join(', ')}
          {apiKey.allowed_models && ` · ${apiKey.allowed_models.join(', ')}`}
        </p>
      </div>
      {!revoked && (
        <div className="flex flex-wrap gap-2">
          <Button size="sm" kind="quiet" onClick={onEdit}>
            {t('edit')}
          </Button>
          <Button size="sm" kind="quiet" onClick={onRotate}>
            {t('rotate')}
          </Button>
          <Button size="sm" onClick={onRevoke}>
            {t('revoke')}
          </Button>
        </div>
      )}
    </li>
  );
}

function Keys() {
  const t = useTranslations('apiKeys');
  const common = useTranslations('common');
  const explain = useExplain();
  const client = useQueryClient();
  const guarded = useGuarded();
  const told = useToldErrors();
  const list = useQuery(apiKeysQuery);
  const [making, setMaking] = useState(false);
  const [editing, setEditing] = useState<ApiKey | null>(null);
  const [rotating, setRotating] = useState<ApiKey | null>(null);
  const [revoking, setRevoking] = useState<ApiKey | null>(null);
  const [created, setCreated] = useState<CreatedApiKey | null>(null);
  const onSettled = () => client.invalidateQueries({ queryKey: keys.apiKeys });
  const create = useMutation({
    mutationFn: (body: Parameters<typeof createApiKey>[0]) => guarded(() => createApiKey(body)),
    onSuccess: (given) => {
      setMaking(false);
      setCreated(given);
    },
    onSettled,
  });
  const update = useMutation({
    mutationFn: (change: Parameters<typeof updateApiKey>[0]) => guarded(() => updateApiKey(change)),
    onSuccess: () => setEditing(null),
    onSettled,
  });
  const rotate = useMutation({
    mutationFn: (id: string) => guarded(() => rotateApiKey(id)),
    onSuccess: setCreated,
    onError: told,
    onSettled,
  });
  const revoke = useMutation({
    mutationFn: (id: string) => guarded(() => revokeApiKey(id)),
    onError: told,
    onSettled,
  });
  return (
    <section className="glass rounded-lg p-5 sm:p-6">
      <div className="flex justify-end">
        <Button
          kind="primary"
          icon={<Plus className="size-4" />}
          onClick={() => {
            create.reset();
            setMaking(true);
          }}
        >
          {t('create')}
        </Button>
      </div>
      {list.isPending && <Spinner />}
      {list.error && <Banner kind="danger" title={explain.error(list.error).title} />}
      {list.data?.length === 0 && (
        <Empty icon={<KeySquare />} title={t('none')}>
          {t('noneHelp')}
        </Empty>
      )}
      <ul className="divide-y divide-line">
        {list.data?.map((apiKey) => (
          <KeyRow
            key={apiKey.id}
            apiKey={apiKey}
            onEdit={() => {
              update.reset();
              setEditing(apiKey);
            }}
            onRotate={() => setRotating(apiKey)}
            onRevoke={() => setRevoking(apiKey)}
          />
        ))}
      </ul>
      <Dialog
        open={making}
        onOpenChange={setMaking}
        title={t('createTitle')}
        closeLabel={common('close')}
      >
        <KeyForm
          of={null}
          busy={create.isPending}
          error={create.error}
          submitLabel={t('create')}
          onSubmit={(wish) => create.mutate(wish)}
        />
      </Dialog>
      <Dialog
        open={editing !== null}
        onOpenChange={(open) => !open && setEditing(null)}
        title={t('editTitle')}
        closeLabel={common('close')}
      >
        {editing && (
          <KeyForm
            of={editing}
            busy={update.isPending}
            error={update.error}
            submitLabel={common('save')}
            onSubmit={(body) => update.mutate({ id: editing.id, body })}
          />
        )}
      </Dialog>
      <Dialog
        open={created !== null}
        onOpenChange={(open) => !open && setCreated(null)}
        title={t('createdTitle')}
        description={t('createdLead')}
        closeLabel={common('close')}
      >
        {created && <Shown created={created} onDone={() => setCreated(null)} />}
      </Dialog>
      <ConfirmDialog
        open={rotating !== null}
        onOpenChange={(open) => !open && setRotating(null)}
        title={t('rotateTitle', { name: rotating?.name ?? '' })}
        description={t('rotateLead')}
        closeLabel={common('close')}
        confirmLabel={t('rotate')}
        cancelLabel={common('cancel')}
        onConfirm={() => rotating && rotate.mutate(rotating.id)}
      />
      <ConfirmDialog
        open={revoking !== null}
        onOpenChange={(open) => !open && setRevoking(null)}
        title={t('revokeTitle', { name: revoking?.name ?? '' })}
        description={t('revokeLead')}
        closeLabel={common('close')}
        confirmLabel={t('revoke')}
        cancelLabel={common('cancel')}
        onConfirm={() => revoking && revoke.mutate(revoking.id)}
      />
    </section>
  );
}

/** /api-keys */
export function ApiKeysPage() {
  const t = useTranslations('apiKeys');
  return (
    <WorkspacePage title={t('title')} lead={t('lead')} width="form">
      <Reauthentication>
        <Keys />
      </Reauthentication>
    </WorkspacePage>
  );
}
