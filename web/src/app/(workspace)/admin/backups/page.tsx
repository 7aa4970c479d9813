import { BackupsPage } from '@/features/admin';

export default function Page() {
  return <BackupsPage />;
}
