import type { ReactNode } from 'react';
import { Gate } from '@/features/auth';
import { AppShell } from '@/features/shell';

export default function WorkspaceLayout({ children }: { children: ReactNode }) {
  return (
    <Gate>
      <AppShell>{children}</AppShell>
    </Gate>
  );
}
