import { queryOptions } from '@tanstack/react-query';
import { call, callRaw } from '@/platform/api/client';
import type { ChangeEmail, DeviceSession, Page, User } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';

/** The devices on which this person is signed in. */
export const deviceSessionsQuery = queryOptions({
  queryKey: keys.deviceSessions,
  queryFn: async ({ signal }) =>
    (await call<Page<DeviceSession>>('/auth/sessions', { query: { limit: 200 }, signal })).items,
});

/** Changes the profile. */
export const updateProfile = (display_name: string) =>
  call<User>('/auth/me', { method: 'PATCH', body: { display_name } });

/** Changes the password; every other session ends. */
export const changePassword = (body: { current_password: string; new_password: string }) =>
  call<void>('/auth/password', { method: 'PUT', body });

/** Ends one session. */
export const endSession = (id: string) => call<void>(`/auth/sessions/${id}`, { method: 'DELETE' });

/** Ends every session but this one. */
export const endOtherSessions = () => call<void>('/auth/sessions', { method: 'DELETE' });

/** Changes the e-mail that one signs in with. */
export const changeEmail = (body: ChangeEmail) =>
  call<User>('/auth/email', { method: 'PUT', body });

/** Deletes one's account for good, with all that is its own. */
export const deleteAccount = () => call<void>('/auth/me', { method: 'DELETE' });

/** Reads all that is one's own; `null` when that was called off. */
export async function exportAccount(
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Blob | null> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  try {
    const response = await callRaw('/auth/me/export', { signal, stream: true });
    const reader = response.body?.getReader();
    let bytes = 0;
    for (;;) {
      const read = await reader?.read();
      if (!read || read.done) break;
      parts.push(read.value);
      bytes += read.value.byteLength;
      onBytes(bytes);
    }
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  }
  return new Blob(parts, { type: 'application/json' });
}
