import { ClusterPage } from '@/features/cluster';

export default function Page() {
  return <ClusterPage />;
}
