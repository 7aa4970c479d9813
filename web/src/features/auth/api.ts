import { queryOptions } from '@tanstack/react-query';
import { call } from '@/platform/api/client';
import { sendJson } from '@/platform/api/http';
import type { Instance, SignedIn } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';
import { session } from '@/platform/session';

/** What a visitor may know of this instance. */
export const instanceQuery = queryOptions({
  queryKey: keys.instance,
  queryFn: ({ signal }) => sendJson<Instance>('/api/v1/instance', { signal }),
});

/** What signing up takes. */
export interface Registration {
  email: string;
  password: string;
  display_name: string | null;
  invitation: string | null;
}

async function enter(path: string, body?: unknown): Promise<void> {
  session.accept(await sendJson<SignedIn>(`/api/v1/auth/${path}`, { method: 'POST', body }));
}

/** Signs in. */
export const signIn = (body: { email: string; password: string }) => enter('login', body);

/** Makes an account, and signs in. */
export const register = (body: Registration) => enter('register', body);

/** Goes on without an account, where that is allowed. */
export const enterAsGuest = () => enter('guest', {});

/** Signs out; here at once, whatever the server says. */
export async function signOut(): Promise<void> {
  try {
    await call<void>('/auth/logout', { method: 'POST' });
  } catch {
    // The session ends here all the same; its token dies within minutes.
  } finally {
    session.end('signed_out');
  }
}
