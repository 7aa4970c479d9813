import { AuditPage } from '@/features/audit';

export default function Page() {
  return <AuditPage />;
}
