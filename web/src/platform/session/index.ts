'use client';

import { useSyncExternalStore } from 'react';
import type { User } from '../api/types';
import { readStored, writeStored } from '../storage';
import { browserSession, type SessionState } from './session';

export type { EndReason } from './session';

/** The session of this page. */
export const session = browserSession({
  remembers: () => readStored('openmake.session') !== null,
  remember: (signedIn) => writeStored('openmake.session', signedIn ? '1' : null),
});

const starting: SessionState = { status: 'starting' };

/** Who uses the page, and every change of it. */
export function useSession(): SessionState {
  return useSyncExternalStore(session.subscribe, session.state, () => starting);
}

/** The person who is signed in; for what is shown only then. */
export function useUser(): User {
  const state = useSession();
  if (state.status === 'signed-in') return state.user;
  // Shown for the moment between the end of a session and leaving the page.
  return { id: '', display_name: '', role: 'guest', email: null };
}
