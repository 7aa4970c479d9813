import { HistoryPage } from '@/features/history';

export default function Page() {
  return <HistoryPage />;
}
