import { UsersPage } from '@/features/admin';

export default function Page() {
  return <UsersPage />;
}
