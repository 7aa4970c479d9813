import { RegistrationPage } from '@/features/admin';

export default function Page() {
  return <RegistrationPage />;
}
