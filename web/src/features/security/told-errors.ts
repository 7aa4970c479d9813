'use client';

import { useExplain } from '@/platform/errors';
import { PasskeyDismissed } from '@/platform/webauthn';
import { toastError } from '@/ui/toast';
import { NotConfirmed } from './reauthentication';

/** Tells of errors, but not of what the person called off themselves. */
export function useToldErrors(): (error: unknown) => void {
  const explain = useExplain();
  return (error) => {
    if (error instanceof NotConfirmed || error instanceof PasskeyDismissed) return;
    toastError(explain.error(error).title);
  };
}
