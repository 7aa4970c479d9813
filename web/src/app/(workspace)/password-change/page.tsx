'use client';

import { useRouter } from 'next/navigation';
import { useEffect } from 'react';
import { Splash } from '@/ui/splash';

/** Where version 1 had it: bookmarks and mails still lead here. */
export default function Page() {
  const router = useRouter();
  useEffect(() => router.replace('/settings#password'), [router]);
  return <Splash />;
}
