'use client';

import { useQuery } from '@tanstack/react-query';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { useTranslations } from 'use-intl';
import { modelsQuery } from '@/features/models';
import { WorkspacePage } from '@/features/page';
import { useUser } from '@/platform/session';
import { CodeExamples } from './code-examples';
import { Reference } from './reference';
import { TryIt } from './try-it';

/** Stands in examples until the server said which models it has. */
const ANY_MODEL = 'openmake_auto';
const LINK = 'text-accent-text underline underline-offset-4';

function Part({ id, title, children }: { id: string; title: string; children: ReactNode }) {
  return (
    <section aria-labelledby={id} className="glass min-w-0 rounded-lg p-5 sm:p-6">
      <h2 id={id} className="mb-4 font-semibold text-lg">
        {title}
      </h2>
      {children}
    </section>
  );
}

/** /developer */
export function DeveloperPage() {
  const t = useTranslations('developer');
  const { role } = useUser();
  const models = useQuery(modelsQuery);
  const names = models.data?.items.map(({ id }) => id) ?? [];
  const usual = names[0] ?? ANY_MODEL;
  return (
    <WorkspacePage title={t('title')} lead={t('lead')} width="wide">
      <Part id="examples" title={t('examples')}>
        <p className="mb-4 text-soft text-sm">
          {t('examplesLead')}{' '}
          {role !== 'guest' && (
            <Link href="/api-keys" className={LINK}>
              {t('makeKey')}
            </Link>
          )}
        </p>
        <CodeExamples model={usual} />
      </Part>
      <Part id="try" title={t('try')}>
        <TryIt models={names.length > 0 ? names : [ANY_MODEL]} usual={usual} />
      </Part>
      <Part id="reference" title={t('reference')}>
        <p className="mb-4 text-soft text-sm">
          {t('referenceLead')}{' '}
          <a href="/api/openapi.json" className={LINK}>
            openapi.json
          </a>
          {' · '}
          <a href="/api-docs/" className={LINK}>
            Swagger UI
          </a>
        </p>
        <Reference />
      </Part>
    </WorkspacePage>
  );
}
