'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Radar, Server } from 'lucide-react';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import type { DiscoveredNode } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { keys } from '@/platform/query/keys';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { Spinner } from '@/ui/spinner';
import { createNode, discoverNodes } from './api';
import { NodeForm } from './form';

function Found({ node, onConnected }: { node: DiscoveredNode; onConnected: () => void }) {
  const t = useTranslations('nodes');
  const explain = useExplain();
  const client = useQueryClient();
  const connect = useMutation({
    mutationFn: () =>
      createNode({ name: node.name, kind: node.kind, base_url: node.base_url, api_keys: [] }),
    onSuccess: async () => {
      await Promise.all([
        client.invalidateQueries({ queryKey: keys.nodes }),
        client.invalidateQueries({ queryKey: keys.models }),
      ]);
      onConnected();
    },
  });
  return (
    <li className="glass flex flex-wrap items-center gap-3 rounded-md p-4">
      <Server className="size-5 text-accent-text" />
      <div className="min-w-0 flex-1">
        <p className="font-medium">{node.name}</p>
        <p className="truncate text-muted text-sm">
          {node.base_url} · {t('modelCount', { count: node.models.length })}
        </p>
      </div>
      {node.known ? (
        <span className="text-sm text-success">{t('connected')}</span>
      ) : (
        <Button kind="primary" busy={connect.isPending} onClick={() => connect.mutate()}>
          {t('form.connect')}
        </Button>
      )}
      {connect.error && (
        <p role="alert" className="w-full text-danger text-sm">
          {explain.error(connect.error).title}
        </p>
      )}
    </li>
  );
}

/** Finds model servers on the server's machine, or connects one by its address. */
export function ConnectNode({ onConnected }: { onConnected: () => void }) {
  const t = useTranslations('nodes');
  const explain = useExplain();
  const [manual, setManual] = useState(false);
  const found = useQuery({
    queryKey: [...keys.nodes, 'discovered'],
    queryFn: () => discoverNodes(),
    staleTime: 0,
    refetchOnWindowFocus: false,
  });

  return (
    <div className="flex flex-col gap-5">
      <section aria-label={t('discover.title')} className="flex flex-col gap-3">
        <div className="flex items-center gap-2">
          <h3 className="me-auto font-medium">{t('discover.title')}</h3>
          <Button
            size="sm"
            kind="quiet"
            icon={<Radar className="size-4" />}
            disabled={found.isFetching}
            onClick={() => void found.refetch()}
          >
            {t('discover.again')}
          </Button>
        </div>
        {found.isFetching && (
          <p role="status" className="flex items-center gap-2 text-muted text-sm">
            <Spinner /> {t('discover.looking')}
          </p>
        )}
        {found.error && (
          <Banner kind="danger" title={explain.error(found.error).title}>
            {explain.error(found.error).detail}
          </Banner>
        )}
        {found.data && !found.isFetching && found.data.items.length === 0 && (
          <Banner kind="info" title={t('discover.none')}>
            {t('discover.noneHelp')}
          </Banner>
        )}
        {found.data && (
          <ul className="flex flex-col gap-2">
            {found.data.items.map((node) => (
              <Found key={node.base_url} node={node} onConnected={onConnected} />
            ))}
          </ul>
        )}
      </section>
      {manual ? (
        <section aria-label={t('manual.title')} className="border-line border-t pt-5">
          <NodeForm onConnected={onConnected} />
        </section>
      ) : (
        <Button className="self-start" onClick={() => setManual(true)}>
          {t('manual.title')}
        </Button>
      )}
    </div>
  );
}
