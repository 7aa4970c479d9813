'use client';

import { useFormatter, useTranslations } from 'use-intl';
import type { ModelNode } from '@/platform/api/types';

/** What a server offers, has in memory, and which keys it is asked with. */
export function NodeDetails({ node }: { node: ModelNode }) {
  const t = useTranslations('nodes');
  const format = useFormatter();
  if (node.models.length === 0 && node.api_keys.length === 0) return null;
  return (
    <details className="text-sm">
      <summary className="w-fit cursor-pointer rounded-xs text-soft hover:text-text">
        {t('details.show')}
      </summary>
      <dl className="mt-2 flex flex-col gap-2">
        {node.models.length > 0 && (
          <div>
            <dt className="text-muted text-xs">{t('details.models')}</dt>
            <dd className="break-words">{node.models.join(', ')}</dd>
          </div>
        )}
        {node.loaded_models.length > 0 && (
          <div>
            <dt className="text-muted text-xs">{t('details.loaded')}</dt>
            <dd className="break-words">{node.loaded_models.join(', ')}</dd>
          </div>
        )}
        {node.server_version && (
          <div>
            <dt className="text-muted text-xs">{t('details.version')}</dt>
            <dd>{node.server_version}</dd>
          </div>
        )}
        {node.api_keys.length > 0 && (
          <div>
            <dt className="text-muted text-xs">{t('details.keys')}</dt>
            {node.api_keys.map((key) => (
              <dd key={key.last_four} className="flex flex-wrap gap-x-2">
                <span className="font-mono">…{key.last_four}</span>
                <span className="text-muted">{t('details.requests', { count: key.requests })}</span>
                {key.cooldown_until && (
                  <span className="text-warning">
                    {t('details.resting', {
                      when: format.dateTime(new Date(key.cooldown_until), { timeStyle: 'medium' }),
                    })}
                  </span>
                )}
              </dd>
            ))}
          </div>
        )}
      </dl>
    </details>
  );
}
