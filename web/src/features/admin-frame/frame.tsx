'use client';

import { ShieldAlert } from 'lucide-react';
import { usePathname } from 'next/navigation';
import type { ReactNode } from 'react';
import { useTranslations } from 'use-intl';
import { PageFrame } from '@/features/page';
import { Reauthentication } from '@/features/security';
import { ADMIN_PLACES, type AdminPlace } from '@/platform/places';
import { PageLink } from '@/platform/route';
import { useUser } from '@/platform/session';
import { Empty } from '@/ui/banner';
import { cx } from '@/ui/cx';

function Places() {
  const t = useTranslations('admin');
  const pathname = usePathname();
  return (
    <nav
      aria-label={t('title')}
      className="scroll-quiet -mx-4 flex gap-1 overflow-x-auto border-line border-b px-4 pb-2"
    >
      {ADMIN_PLACES.map(({ id, path }) => {
        const here = pathname === path;
        return (
          <PageLink
            key={id}
            href={path}
            aria-current={here ? 'page' : undefined}
            // On a phone the links do not all fit: the one that is open shows.
            ref={(element) => {
              if (here) element?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
            }}
            className={cx(
              'shrink-0 rounded-sm px-3 py-1.5 text-sm transition-colors duration-150',
              here ? 'bg-active font-medium text-text' : 'text-soft hover:bg-hover hover:text-text',
            )}
          >
            {t(`place.${id}`)}
          </PageLink>
        );
      })}
    </nav>
  );
}

/** A page of administration: its name, the ways to the others, and a guard. */
export function AdminPage({ place, children }: { place: AdminPlace; children: ReactNode }) {
  const t = useTranslations('admin');
  const { role } = useUser();
  const title = t(`place.${place}`);

  return (
    <PageFrame title={title} width="list">
      {role === 'admin' ? (
        <Reauthentication>
          <Places />
          <div>
            <h1 className="font-semibold text-3xl tracking-tight">{title}</h1>
            <p className="mt-1 text-soft">{t(`lead.${place}`)}</p>
          </div>
          {children}
        </Reauthentication>
      ) : (
        <div className="glass mt-6 rounded-lg">
          <h1 className="sr-only">{title}</h1>
          <Empty icon={<ShieldAlert />} title={t('restricted')}>
            {t('restrictedHelp')}
          </Empty>
        </div>
      )}
    </PageFrame>
  );
}
