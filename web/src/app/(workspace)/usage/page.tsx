import { UsagePage } from '@/features/usage';

export default function Page() {
  return <UsagePage />;
}
