import { AccessPage } from '@/features/admin';

export default function Page() {
  return <AccessPage />;
}
