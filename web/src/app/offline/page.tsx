import { OfflinePage } from '@/features/pwa';

export default function Page() {
  return <OfflinePage />;
}
