import { SetupPage } from '@/features/setup';

export default function Page() {
  return <SetupPage />;
}
