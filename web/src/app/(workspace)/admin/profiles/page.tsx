import { ProfilesPage } from '@/features/admin';

export default function Page() {
  return <ProfilesPage />;
}
