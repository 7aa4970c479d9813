'use client';

import { useQuery } from '@tanstack/react-query';
import { useFormatter, useTranslations } from 'use-intl';
import { AdminPage } from '@/features/admin-frame';
import { NodeList, nodesQuery } from '@/features/nodes';
import type { ModelNode } from '@/platform/api/types';
import { Badge } from '@/ui/badge';
import { Section } from '@/ui/section';
import { servedModels, takesRequests } from './served';

function Summary({ nodes }: { nodes: readonly ModelNode[] }) {
  const t = useTranslations('cluster');
  const format = useFormatter();
  const facts = [
    {
      name: t('ready'),
      value: t('readyOf', {
        ready: nodes.filter((node) => takesRequests(node) && node.health === 'healthy').length,
        all: nodes.length,
      }),
    },
    { name: t('models'), value: format.number(servedModels(nodes).length) },
    {
      name: t('now'),
      value: format.number(nodes.reduce((sum, { in_flight }) => sum + in_flight, 0)),
    },
  ];
  return (
    <dl className="grid grid-cols-3 gap-3">
      {facts.map(({ name, value }) => (
        <div key={name} className="glass flex flex-col-reverse justify-end rounded-lg p-4">
          <dt className="text-muted text-xs sm:text-sm">{name}</dt>
          <dd className="font-semibold text-2xl tabular-nums tracking-tight">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Models({ nodes }: { nodes: readonly ModelNode[] }) {
  const t = useTranslations('cluster');
  const models = servedModels(nodes);
  if (models.length === 0) return null;
  return (
    <Section id="models" title={t('modelsTitle')} lead={t('modelsLead')}>
      <ul className="divide-y divide-line">
        {models.map(({ model, nodes: at, loaded }) => (
          <li key={model} className="flex flex-wrap items-center gap-x-3 gap-y-1 py-3">
            <span className="min-w-0 flex-1 basis-48 break-words font-medium text-sm">{model}</span>
            {loaded.length > 0 && <Badge kind="success">{t('loaded')}</Badge>}
            {at.length > 0 ? (
              <span className="text-muted text-sm">{at.join(', ')}</span>
            ) : (
              <Badge kind="warning">{t('nowhere')}</Badge>
            )}
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** /cluster */
export function ClusterPage() {
  return (
    <AdminPage place="cluster">
      <Cluster />
    </AdminPage>
  );
}

function Cluster() {
  const t = useTranslations('cluster');
  const { data } = useQuery(nodesQuery);
  const nodes = data?.items ?? [];
  return (
    <>
      {nodes.length > 0 && <Summary nodes={nodes} />}
      <Section id="nodes" title={t('title')} lead={t('lead')}>
        <NodeList />
      </Section>
      <Models nodes={nodes} />
    </>
  );
}
