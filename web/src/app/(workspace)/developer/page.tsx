import { DeveloperPage } from '@/features/developer';

export default function Page() {
  return <DeveloperPage />;
}
