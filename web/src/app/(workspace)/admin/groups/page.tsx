import { GroupsPage } from '@/features/admin';

export default function Page() {
  return <GroupsPage />;
}
