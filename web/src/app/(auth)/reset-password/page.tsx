import { ResetPasswordPage } from '@/features/auth';

export default function Page() {
  return <ResetPasswordPage />;
}
