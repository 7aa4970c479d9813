import { ApiKeysPage } from '@/features/api-keys';

export default function Page() {
  return <ApiKeysPage />;
}
