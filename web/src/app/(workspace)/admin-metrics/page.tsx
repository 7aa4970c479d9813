import { MetricsPage } from '@/features/metrics';

export default function Page() {
  return <MetricsPage />;
}
