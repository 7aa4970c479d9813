import { GuidePage } from '@/features/guide';

export default function Page() {
  return <GuidePage />;
}
