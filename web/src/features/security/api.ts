import { queryOptions } from '@tanstack/react-query';
import { call } from '@/platform/api/client';
import type {
  BackupCodes,
  Passkey,
  PasskeyChallenge,
  ReauthenticateRequest,
  Security,
  TotpSetup,
} from '@/platform/api/types';
import { keys } from '@/platform/query/keys';
import { createPasskey, provePasskey } from '@/platform/webauthn';

/** What guards the person's account. */
export const securityQuery = queryOptions({
  queryKey: keys.security,
  queryFn: ({ signal }) => call<Security>('/auth/security', { signal }),
});

/** Proves again who uses the session. */
export const reauthenticate = (body: ReauthenticateRequest) =>
  call<void>('/auth/reauthenticate', { method: 'POST', body });

/** The same with a passkey. */
export async function reauthenticateByPasskey(): Promise<void> {
  const asked = await call<PasskeyChallenge>('/auth/reauthenticate/passkey', { method: 'POST' });
  const credential = (await provePasskey(asked.options)) as Record<string, never>;
  await reauthenticate({ passkey: { challenge: asked.challenge, credential } });
}

/** Begins with an authenticator app. */
export const beginTotp = () => call<TotpSetup>('/auth/totp', { method: 'POST' });

/** Turns the authenticator app on; gives backup codes. */
export const confirmTotp = (code: string) =>
  call<BackupCodes>('/auth/totp/confirm', { method: 'POST', body: { code } });

/** Turns the authenticator app off. */
export const removeTotp = () => call<void>('/auth/totp', { method: 'DELETE' });

/** New backup codes; those before no longer hold. */
export const renewBackupCodes = () => call<BackupCodes>('/auth/backup-codes', { method: 'POST' });

/** What the browser is to make a passkey with. */
export const passkeyOptions = () =>
  call<PasskeyChallenge>('/auth/passkeys/options', { method: 'POST' });

/** Makes a passkey on this device and adds it. */
export async function addPasskey(name: string, asked: PasskeyChallenge): Promise<Passkey> {
  const credential = await createPasskey(asked.options);
  return call<Passkey>('/auth/passkeys', {
    method: 'POST',
    body: { challenge: asked.challenge, name, credential },
  });
}

/** Gives a passkey another name. */
export const renamePasskey = (passkey: { id: string; name: string }) =>
  call<Passkey>(`/auth/passkeys/${passkey.id}`, { method: 'PATCH', body: { name: passkey.name } });

/** Takes a passkey away. */
export const removePasskey = (id: string) =>
  call<void>(`/auth/passkeys/${id}`, { method: 'DELETE' });

/** Where to go to link an account elsewhere. */
export const linkIdentity = (provider: string) =>
  call<{ url: string }>(`/auth/identities/${provider}/link`, { method: 'POST' });

/** Takes a linked account away. */
export const unlinkIdentity = (id: string) =>
  call<void>(`/auth/identities/${id}`, { method: 'DELETE' });
