import { PricesPage } from '@/features/admin';

export default function Page() {
  return <PricesPage />;
}
