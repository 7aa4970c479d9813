import { TokensPage } from '@/features/tokens';

export default function Page() {
  return <TokensPage />;
}
