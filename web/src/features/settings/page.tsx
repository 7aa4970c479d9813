'use client';

import { ArrowLeft } from 'lucide-react';
import { useEffect } from 'react';
import { useTranslations } from 'use-intl';
import { PageHeader } from '@/features/frame';
import { Reauthentication, SecurityControls } from '@/features/security';
import { ConversationLink } from '@/platform/route';
import { useUser } from '@/platform/session';
import { Section } from '@/ui/section';
import { Devices, Password, Profile } from './account';
import { Appearance } from './appearance';

/** /settings */
export function SettingsPage() {
  const t = useTranslations('settings');
  const { role } = useUser();

  useEffect(() => {
    document.title = `${t('title')} · OpenMake`;
  }, [t]);

  return (
    <>
      <PageHeader>
        <ConversationLink
          id={null}
          className="inline-flex h-9 items-center gap-2 rounded-sm px-3 text-sm text-soft hover:bg-hover hover:text-text"
        >
          <ArrowLeft className="size-4" />
          {t('back')}
        </ConversationLink>
      </PageHeader>
      <main className="scroll-quiet min-h-0 flex-1 overflow-y-auto">
        <div className="mx-auto flex w-full max-w-2xl flex-col gap-5 px-4 pt-2 pb-16">
          <h1 className="font-semibold text-3xl tracking-tight">{t('title')}</h1>
          <Appearance />
          {role !== 'guest' && (
            <>
              <Profile />
              <Reauthentication>
                <Password />
                <Section id="security" title={t('security.title')} lead={t('security.lead')}>
                  <SecurityControls />
                </Section>
              </Reauthentication>
              <Devices />
            </>
          )}
        </div>
      </main>
    </>
  );
}
