import { LimitsPage } from '@/features/admin';

export default function Page() {
  return <LimitsPage />;
}
