'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Ellipsis, Plus, Server } from 'lucide-react';
import { useState } from 'react';
import { useFormatter, useTranslations } from 'use-intl';
import type { ModelNode, UpdateNode } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { keys } from '@/platform/query/keys';
import { Banner, Empty } from '@/ui/banner';
import { Button, IconButton } from '@/ui/button';
import { cx } from '@/ui/cx';
import { ConfirmDialog, Dialog } from '@/ui/dialog';
import { Menu, MenuItem, MenuSeparator } from '@/ui/menu';
import { Spinner } from '@/ui/spinner';
import { nodesQuery, removeNode, testNode, updateNode } from './api';
import { ConnectNode } from './connect';
import { NodeDetails } from './details';
import { NodeEdit } from './edit';
import { TestResult } from './form';

const HEALTH = {
  unknown: 'bg-muted',
  healthy: 'bg-success',
  failing: 'bg-warning',
  open: 'bg-danger',
} as const;

type Health = keyof typeof HEALTH;

function healthOf(node: ModelNode): Health {
  return node.health in HEALTH ? (node.health as Health) : 'unknown';
}

function NodeRow({ node }: { node: ModelNode }) {
  const t = useTranslations('nodes');
  const common = useTranslations('common');
  const format = useFormatter();
  const explain = useExplain();
  const client = useQueryClient();
  const [removing, setRemoving] = useState(false);
  const [editing, setEditing] = useState(false);
  const refresh = () =>
    Promise.all([
      client.invalidateQueries({ queryKey: nodesQuery.queryKey }),
      client.invalidateQueries({ queryKey: keys.models }),
    ]);
  const test = useMutation({ mutationFn: () => testNode(node.id), onSettled: refresh });
  const change = useMutation({
    mutationFn: (update: UpdateNode) => updateNode(node.id, update),
    onSettled: refresh,
  });
  const remove = useMutation({ mutationFn: () => removeNode(node.id), onSettled: refresh });
  const error = change.error ?? remove.error ?? test.error;
  const state = !node.enabled ? 'disabled' : node.draining ? 'draining' : healthOf(node);

  return (
    <li className="glass flex flex-col gap-3 rounded-md p-4">
      <div className="flex items-start gap-3">
        <span
          aria-hidden="true"
          className={cx('mt-2 size-2.5 shrink-0 rounded-full', HEALTH[healthOf(node)])}
        />
        <div className="min-w-0 flex-1">
          <p className="flex flex-wrap items-center gap-x-2 font-medium">
            {node.name}
            <span className="rounded-xs bg-hover px-1.5 py-0.5 font-normal text-muted text-xs">
              {t(`state.${state}`)}
            </span>
          </p>
          <p className="truncate text-muted text-sm">{node.base_url}</p>
          <p className="text-muted text-sm">
            {t('modelCount', { count: node.models.length })}
            {node.latency_ms != null && ` · ${t('latency', { ms: node.latency_ms })}`}
            {node.in_flight > 0 && ` · ${t('inFlight', { count: node.in_flight })}`}
            {node.checked_at &&
              ` · ${t('checked', { when: format.relativeTime(new Date(node.checked_at), new Date()) })}`}
          </p>
          {node.last_error && <p className="mt-1 text-danger text-sm">{node.last_error}</p>}
          {node.source === 'configured' && (
            <p className="mt-1 text-muted text-sm">{t('configured')}</p>
          )}
        </div>
        <Button size="sm" busy={test.isPending} onClick={() => test.mutate()}>
          {t('form.test')}
        </Button>
        {node.source !== 'configured' && (
          <Menu
            trigger={
              <IconButton label={t('more', { name: node.name })} size="sm">
                <Ellipsis className="size-4.5" />
              </IconButton>
            }
          >
            <MenuItem onSelect={() => setEditing(true)}>{t('edit')}</MenuItem>
            <MenuItem onSelect={() => change.mutate({ draining: !node.draining })}>
              {node.draining ? t('undrain') : t('drain')}
            </MenuItem>
            <MenuItem onSelect={() => change.mutate({ enabled: !node.enabled })}>
              {node.enabled ? t('disable') : t('enable')}
            </MenuItem>
            <MenuSeparator />
            <MenuItem danger onSelect={() => setRemoving(true)}>
              {t('remove')}
            </MenuItem>
          </Menu>
        )}
      </div>
      <NodeDetails node={node} />
      {test.data && <TestResult result={test.data} />}
      {error && (
        <Banner kind="danger" title={explain.error(error).title}>
          {explain.error(error).detail}
        </Banner>
      )}
      <Dialog
        open={editing}
        onOpenChange={setEditing}
        title={t('editTitle', { name: node.name })}
        closeLabel={common('close')}
      >
        <NodeEdit node={node} onDone={() => setEditing(false)} />
      </Dialog>
      <ConfirmDialog
        open={removing}
        onOpenChange={setRemoving}
        title={t('removeTitle', { name: node.name })}
        description={t('removeHelp')}
        confirmLabel={t('remove')}
        cancelLabel={common('cancel')}
        closeLabel={common('close')}
        onConfirm={() => remove.mutate()}
      />
    </li>
  );
}

/** Changes of state are told at once; load and latency are not. */
const REFRESH_MS = 10_000;

/** The model servers, with what an administrator can do about each. */
export function NodeList() {
  const t = useTranslations('nodes');
  const common = useTranslations('common');
  const explain = useExplain();
  const nodes = useQuery({ ...nodesQuery, refetchInterval: REFRESH_MS });
  const [adding, setAdding] = useState(false);
  return (
    <div className="flex flex-col gap-3">
      {nodes.error && (
        <Banner
          kind="danger"
          title={explain.error(nodes.error).title}
          action={
            <Button size="sm" onClick={() => void nodes.refetch()}>
              {common('retry')}
            </Button>
          }
        >
          {explain.error(nodes.error).detail}
        </Banner>
      )}
      {nodes.isPending && <Spinner />}
      {nodes.data?.items.length === 0 && (
        <Empty icon={<Server />} title={t('empty')}>
          {t('emptyHelp')}
        </Empty>
      )}
      <ul className="flex flex-col gap-2">
        {nodes.data?.items.map((node) => (
          <NodeRow key={node.id} node={node} />
        ))}
      </ul>
      <Button
        className="self-start"
        icon={<Plus className="size-4" />}
        onClick={() => setAdding(true)}
      >
        {t('add')}
      </Button>
      <Dialog
        open={adding}
        onOpenChange={setAdding}
        title={t('add')}
        description={t('addHelp')}
        closeLabel={common('close')}
      >
        <ConnectNode onConnected={() => setAdding(false)} />
      </Dialog>
    </div>
  );
}
