'use client';

import { useTranslations } from 'use-intl';
import { Imports } from '@/features/imports';
import { WorkspacePage } from '@/features/page';
import { Reauthentication, SecurityControls } from '@/features/security';
import { useUser } from '@/platform/session';
import { Section } from '@/ui/section';
import { Devices, Password, Profile } from './account';
import { Appearance } from './appearance';
import { OwnData } from './data';
import { NewChats } from './defaults';
import { Email } from './email';

/** /settings */
export function SettingsPage() {
  const t = useTranslations('settings');
  const { role } = useUser();
  return (
    <WorkspacePage title={t('title')} width="form">
      <Appearance />
      {role !== 'guest' && (
        <>
          <NewChats />
          <Profile />
          <Reauthentication>
            <Email />
            <Password />
            <Section id="security" title={t('security.title')} lead={t('security.lead')}>
              <SecurityControls />
            </Section>
            <Devices />
            <Imports />
            <OwnData />
          </Reauthentication>
        </>
      )}
    </WorkspacePage>
  );
}
