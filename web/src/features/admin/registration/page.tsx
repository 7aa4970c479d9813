'use client';

import { AdminPage } from '@/features/admin-frame';
import { InstanceSettings } from './instance';
import { Invitations } from './invitations';

/** /admin/registration */
export function RegistrationPage() {
  return (
    <AdminPage place="registration">
      <InstanceSettings />
      <Invitations />
    </AdminPage>
  );
}
