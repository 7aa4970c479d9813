import { SettingsPage } from '@/features/settings';

export default function Page() {
  return <SettingsPage />;
}
