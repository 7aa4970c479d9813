import { BudgetsPage } from '@/features/admin';

export default function Page() {
  return <BudgetsPage />;
}
