import { queryOptions } from '@tanstack/react-query';
import { call } from '@/platform/api/client';
import { sendJson } from '@/platform/api/http';
import type {
  FactorMethod,
  Instance,
  PasskeyChallenge,
  SignedIn,
  SignInOptions,
} from '@/platform/api/types';
import { keys } from '@/platform/query/keys';
import { session } from '@/platform/session';
import { provePasskey } from '@/platform/webauthn';

/** What a visitor may know of this instance. */
export const instanceQuery = queryOptions({
  queryKey: keys.instance,
  queryFn: ({ signal }) => sendJson<Instance>('/api/v1/instance', { signal }),
});

/** The ways to sign in besides the password. */
export const signInOptionsQuery = queryOptions({
  queryKey: keys.signInOptions,
  queryFn: ({ signal }) => sendJson<SignInOptions>('/api/v1/auth/providers', { signal }),
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

/** Completes a sign-in with a code. */
export const proveByCode = (body: { challenge: string; method: FactorMethod; code: string }) =>
  enter('second-factor', body);

/** Completes a sign-in with a passkey of the account. */
export async function proveByPasskey(challenge: string): Promise<void> {
  const asked = await sendJson<PasskeyChallenge>('/api/v1/auth/second-factor/passkey', {
    method: 'POST',
    body: { challenge },
  });
  const credential = await provePasskey(asked.options);
  await enter('second-factor', { challenge: asked.challenge, method: 'passkey', credential });
}

/** Signs in with a passkey alone. */
export async function signInByPasskey(): Promise<void> {
  const asked = await sendJson<PasskeyChallenge>('/api/v1/auth/passkey/options', {
    method: 'POST',
  });
  const credential = await provePasskey(asked.options);
  await enter('passkey', { challenge: asked.challenge, credential });
}

/** Asks for a mail with a link that sets another password. */
export const requestReset = (body: { email: string; language: string }) =>
  sendJson<void>('/api/v1/auth/password-reset/request', { method: 'POST', body });

/** Sets another password with the token of a link. */
export const resetPassword = (body: { token: string; new_password: string }) =>
  sendJson<void>('/api/v1/auth/password-reset', { method: 'POST', body });

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
