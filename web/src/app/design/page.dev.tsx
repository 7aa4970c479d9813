import { DesignPage } from '@/features/design';

export default function Page() {
  return <DesignPage />;
}
